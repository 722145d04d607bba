// What all operations have in common: pages, iterators, headers, errors.

import assert from "node:assert/strict";

import { all, connect, errors, ids, ledger, operation, refusal } from "./check.mjs";
import { sent } from "./recorder.mjs";

const control = process.argv[4];

await operation("pages (page, nextPage)", async () => {
    const sizes = async (page) => {
        const seen = [];
        for (; ; page = await page.nextPage()) {
            assert.ok(page.cursor.length > 0, "a cursor on every page");
            seen.push(page.items.length);
            if (page.lastPage) return seen;
        }
    };
    const four = ledger.accounts.list();
    assert.deepEqual(await sizes(await four.page({ size: 3 })), [3, 1]);
    assert.deepEqual(await sizes(await four.page({ size: 2 })), [2, 2, 0], "a full page does not look ahead");
    assert.deepEqual(await sizes(await four.page()), [4]);
    const page = await ledger.accounts
        .list({ filter: "tags.colour=$1 OR id=$2", filterParams: ["green", "bob"] })
        .page({ size: 1 });
    assert.deepEqual(
        page.items.map((it) => it.id),
        ["bob"],
    );
    const again = () => ledger.accounts.list().page({ cursor: page.cursor });
    for (const next of [await again(), await again()]) {
        assert.deepEqual(
            next.items.map((it) => it.id),
            ["full"],
            "the cursor carries filter and size, and can be used again",
        );
    }
    const full = { filter: "flavorId='full'" };
    for (const [kind, query] of [
        ["keys", ledger.keys.list()],
        ["flavors", ledger.flavors.list({ filter: "tags.colour='blue'" })],
        ["transactions", ledger.transactions.list({ filter: "actions(flavorId='full')" })],
        ["actions", ledger.actions.list(full)],
        ["sums of actions", ledger.actions.sum({ ...full, groupBy: ["type"] })],
        ["tokens", ledger.tokens.list(full)],
        ["sums of tokens", ledger.tokens.sum({ ...full, groupBy: ["accountId"] })],
        ["feeds", ledger.feeds.list()],
    ]) {
        const seen = [];
        let page = await query.page({ size: 1 });
        for (; !page.lastPage; page = await page.nextPage()) {
            assert.equal(page.items.length, 1, kind);
            seen.push(...page.items);
        }
        assert.deepEqual(seen, await all(query), `${kind}, one by one and all at once`);
    }
    await refusal(() => ledger.accounts.list().page({ cursor: "made up" }), "SEQ600");
    await refusal(() => ledger.flavors.list().page({ cursor: page.cursor }), "SEQ600");
});

await operation("iterators (all)", async () => {
    const more = Array.from({ length: 98 }, (_, nr) => `many-${String(nr).padStart(3, "0")}`);
    for (let at = 0; at < more.length; at += 14) {
        await Promise.all(more.slice(at, at + 14).map((id) => ledger.keys.create({ id })));
    }
    const before = sent.length;
    const listed = await ids(ledger.keys.list());
    assert.equal(listed.length, 101, "a hundred and one");
    assert.equal(new Set(listed).size, 101, "each once");
    assert.deepEqual(sent.slice(before), ["list-keys", "list-keys"], "in pages of a hundred");

    const { id, actions } = await ledger.transactions.transact((builder) => {
        for (let nr = 1; nr <= 101; nr += 1)
            builder.issue({ flavorId: "alice", amount: nr, destinationAccountId: "bob" });
    });
    const query = { filter: "transactionId=$1", filterParams: [id] };
    assert.deepEqual(
        await ids(ledger.actions.list(query)),
        actions.map((it) => it.id).reverse(),
        "last action first",
    );
    const [sum] = await all(ledger.actions.sum(query));
    assert.equal(sum.amount, (101 * 102) / 2, "over all pages");
});

await operation("custom headers", async () => {
    const snake = connect();
    snake.connection.customHeaders = { "Name-Set": "snake" };
    const find = (filter) => all(snake.tokens.list({ filter }));
    assert.deepEqual(
        (await find("account_id='bob' AND flavor_id='full'")).map((it) => it.accountId),
        ["bob", "bob"],
    );
    await refusal(() => find("accountId='bob'"), "SEQ602");
});

await operation("errors and retries", async () => {
    const fault = async (name, method) => {
        const answer = await fetch(`${control}/faults/${name}`, { method });
        assert.equal(answer.status, 204, name);
    };
    await fault("error_500:stats", "PUT");
    await refusal(() => ledger.stats.get(), "SEQ000", errors.ServerError);
    await fault("error_500:stats", "DELETE");

    // Without the id of a request the SDK takes the answer for a proxy's, and asks again while its time lasts.
    await fault("request_id_missing_on_errors", "PUT");
    const impatient = connect();
    await impatient.stats.get();
    impatient.connection.retryConnectionTimeoutMs = 100;
    const before = sent.length;
    await assert.rejects(
        impatient.feeds.get({ id: "unknown" }),
        (error) => error instanceof errors.NoRequestIdError,
    );
    assert.ok(sent.length - before > 1, "it was asked again");
    await fault("request_id_missing_on_errors", "DELETE");

    const nowhere = connect();
    nowhere.connection.baseUrl = "https://localhost:1";
    nowhere.connection.retryConnectionTimeoutMs = 0;
    await assert.rejects(nowhere.stats.get(), (error) => error instanceof errors.ConnectivityError);
});
