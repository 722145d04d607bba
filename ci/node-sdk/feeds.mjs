// Feeds: durable positions in the history.

import assert from "node:assert/strict";

import { all, errors, ids, issue, ledger, operation, refusal } from "./check.mjs";
import { nextSent, sent } from "./recorder.mjs";

const acts = (feed) => ({
    id: feed.id,
    type: feed.type,
    filter: feed.filter,
    filterParams: feed.filterParams,
});
const watched = { id: "moves", type: "action", filter: "snapshot.actionTags.act=$1", filterParams: ["feed"] };

await operation("feeds.create", async () => {
    assert.deepEqual(acts(await ledger.feeds.create(structuredClone(watched))), watched);
    const made = await ledger.feeds.create({
        type: "transaction",
        filter: "timestamp > $1",
        filterParams: [(await newest()).timestamp],
    });
    assert.ok(made.id.length > 0);
    await refusal(() => ledger.feeds.create(structuredClone(watched)), "SEQ050");
    await refusal(() => ledger.feeds.create({ id: "typeless" }), "SEQ008");
    await refusal(() => ledger.feeds.create({ type: "token" }), "SEQ008");
    await refusal(() => ledger.feeds.create({ type: "action", filter: "flavor_id='a'" }), "SEQ602");
});

async function newest() {
    return (await ledger.transactions.list().page({ size: 1 })).items[0];
}

await operation("feeds.get", async () => {
    assert.deepEqual(acts(await ledger.feeds.get({ id: "moves" })), watched);
    await refusal(() => ledger.feeds.get({ id: "unknown" }), "SEQ002", errors.NotFoundError);
    await refusal(() => ledger.feeds.get({}), "SEQ008");
});

let transactionFeed;

await operation("feeds.list", async () => {
    const feeds = await all(ledger.feeds.list());
    assert.deepEqual(
        feeds.map((it) => it.type),
        ["transaction", "action"],
        "newest first",
    );
    assert.deepEqual(acts(feeds[1]), watched);
    transactionFeed = feeds[0].id;
});

const fed = (amount) => issue("full", amount, "alice", { actionTags: { act: "feed" } });

await operation("feeds.next", async () => {
    // A reader that waits already is told at once.
    const feed = await ledger.feeds.get({ id: "moves" });
    const asked = nextSent("stream-feed-items");
    const waiting = feed.next();
    await asked;
    await issue("full", 1, "alice", { actionTags: { act: "other" } });
    await fed(2);
    const since = Date.now();
    const { value } = await waiting;
    assert.ok(Date.now() - since < 2000, `told after ${Date.now() - since} ms`);
    assert.deepEqual([value.amount, value.snapshot.actionTags], [2, { act: "feed" }]);

    await fed(3);
    const amounts = [];
    for await (const action of await ledger.feeds.get({ id: "moves" })) {
        amounts.push(action.amount);
        if (amounts.length === 2) break;
    }
    assert.deepEqual(amounts, [2, 3], "what was not acknowledged comes again, oldest first");

    const transactions = await ledger.feeds.get({ id: transactionFeed });
    const numbers = [];
    for (let nr = 0; nr < 3; nr += 1) numbers.push((await transactions.next()).value.sequenceNumber);
    const last = (await newest()).sequenceNumber;
    assert.deepEqual(numbers, [last - 2, last - 1, last]);
});

await operation("feeds.ack", async () => {
    const [feed, other] = [await ledger.feeds.get({ id: "moves" }), await ledger.feeds.get({ id: "moves" })];
    const acks = () => sent.filter((it) => it === "ack-feed").length;
    await feed.ack();
    assert.equal(acks(), 0, "there is nothing to acknowledge");
    await feed.next();
    await other.next();
    await feed.ack();
    assert.equal(acks(), 1);
    const next = await ledger.feeds.get({ id: "moves" });
    assert.equal((await next.next()).value.amount, 3, "goes on behind what was acknowledged");
    assert.equal((await feed.next()).value.amount, 3);
    await feed.ack();
    await refusal(() => other.ack(), "SEQ620");
    await fed(4);
    assert.equal(
        (await (await ledger.feeds.get({ id: "moves" })).next()).value.amount,
        4,
        "a refused one moves nothing",
    );
});

await operation("feeds.delete", async () => {
    const feed = await ledger.feeds.get({ id: transactionFeed });
    assert.equal((await ledger.feeds.delete({ id: transactionFeed })).message, "ok");
    await refusal(() => ledger.feeds.get({ id: transactionFeed }), "SEQ002", errors.NotFoundError);
    await refusal(() => feed.next(), "SEQ002", errors.NotFoundError);
    await refusal(() => ledger.feeds.delete({ id: transactionFeed }), "SEQ002", errors.NotFoundError);
    assert.deepEqual(await ids(ledger.feeds.list()), ["moves"]);
});
