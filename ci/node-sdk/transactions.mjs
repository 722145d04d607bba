// Transactions, and what is told of them: actions, tokens, sums.

import assert from "node:assert/strict";

import {
    BigNumber,
    all,
    errors,
    isEmpty,
    issue,
    ledger,
    operation,
    refusal,
    refusedUnsent,
} from "./check.mjs";

let first;
let move;

await operation("transactions.transact (issue)", async () => {
    first = await ledger.transactions.transact((builder) => {
        builder.issue({
            flavorId: "full",
            amount: 100,
            destinationAccountId: "alice",
            tokenTags: { lot: "one" },
            actionTags: { act: "start" },
        });
        builder.transactionTags = { deal: "d1" };
    });
    assert.equal(first.sequenceNumber, 1);
    assert.match(first.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(first.tags, { deal: "d1" });
    assert.equal(first.actions.length, 1);
    const [action] = first.actions;
    assert.deepEqual(
        [action.type, action.flavorId, action.amount, action.destinationAccountId, action.transactionId],
        ["issue", "full", 100, "alice", first.id],
    );
    assert.ok(action.sourceAccountId == null);
    assert.deepEqual(action.tags, { act: "start" });
    const { actionTags, flavorTags, tokenTags, destinationAccountTags, transactionTags } = action.snapshot;
    assert.deepEqual(
        { actionTags, flavorTags, tokenTags, destinationAccountTags, transactionTags },
        {
            actionTags: { act: "start" },
            flavorTags: { colour: "green" },
            tokenTags: { lot: "one" },
            destinationAccountTags: { colour: "blue", nr: 7 },
            transactionTags: { deal: "d1" },
        },
    );

    // No digit may be lost, whatever it is given as.
    const most = "9223372036854775807";
    for (const amount of [most, new BigNumber(most)]) {
        const issued = await issue("bob", amount, "full");
        assert.equal(String(issued.actions[0].amount.toFixed()), most);
        await ledger.transactions.transact((it) =>
            it.retire({ flavorId: "bob", amount, sourceAccountId: "full" }),
        );
    }
    const safe = await issue("bob", Number.MAX_SAFE_INTEGER, "full");
    assert.equal(Number(safe.actions[0].amount), Number.MAX_SAFE_INTEGER);
    await ledger.transactions.transact((it) =>
        it.retire({ flavorId: "bob", amount: Number.MAX_SAFE_INTEGER, sourceAccountId: "full" }),
    );
    await refusal(() => issue("bob", "9223372036854775808", "full"), "SEQ706");
    await refusedUnsent(() => issue("bob", Number.MAX_SAFE_INTEGER + 1, "full"));
    await refusedUnsent(() => issue("bob", -1, "full"));
    await refusedUnsent(() => issue("bob", 1, "full", { sourceAccountId: "alice" }));
});

const balances = async (accountId) => {
    const sums = await all(
        ledger.tokens.sum({ filter: "accountId=$1", filterParams: [accountId], groupBy: ["flavorId"] }),
    );
    return Object.fromEntries(sums.map((it) => [it.flavorId, Number(it.amount)]));
};

await operation("transactions.transact (transfer)", async () => {
    move = await ledger.transactions.transact((builder) => {
        builder.issue({
            flavorId: "full",
            amount: 50,
            destinationAccountId: "alice",
            tokenTags: { lot: "two" },
        });
        builder.transfer({
            flavorId: "full",
            amount: 30,
            sourceAccountId: "alice",
            destinationAccountId: "bob",
            filter: "tags.lot=$1",
            filterParams: ["two"],
            tokenTags: { lot: "moved" },
            actionTags: { act: "move" },
        });
    });
    const [, moved] = move.actions;
    assert.deepEqual(
        [
            moved.type,
            moved.amount,
            moved.sourceAccountId,
            moved.destinationAccountId,
            moved.filter,
            moved.filterParams,
        ],
        ["transfer", 30, "alice", "bob", "tags.lot=$1", ["two"]],
    );
    assert.deepEqual(moved.snapshot.sourceAccountTags, { colour: "blue", nr: 7 });
    assert.deepEqual([await balances("alice"), await balances("bob")], [{ full: 120 }, { full: 30 }]);
    const outOf = (lot, amount) => () =>
        ledger.transactions.transact((builder) =>
            builder.transfer({
                flavorId: "full",
                amount,
                sourceAccountId: "alice",
                destinationAccountId: "bob",
                filter: "tags.lot=$1",
                filterParams: [lot],
            }),
        );
    const short = await refusal(outOf("two", 21), "SEQ706");
    assert.equal(short.data.actions[0].seqCode, "SEQ760", "the filter leaves only 20");
    await outOf("two", 20)();
    const bobs = await all(ledger.tokens.list({ filter: "accountId='bob'" }));
    const groups = bobs.map((it) => [it.amount, isEmpty(it.tags) ? null : it.tags.lot]).sort();
    assert.deepEqual(
        groups,
        [
            [20, null],
            [30, "moved"],
        ],
        "moved tokens lose their tags and get those given",
    );
});

await operation("transactions.transact (retire)", async () => {
    const { actions } = await ledger.transactions.transact((builder) =>
        builder.retire({
            flavorId: "full",
            amount: 10,
            sourceAccountId: "alice",
            filter: "tags.lot='one'",
            actionTags: { act: "end" },
        }),
    );
    assert.deepEqual(
        [actions[0].type, actions[0].amount, actions[0].sourceAccountId],
        ["retire", 10, "alice"],
    );
    assert.ok(actions[0].destinationAccountId == null);
    assert.deepEqual(await balances("alice"), { full: 90 });
});

await operation("transactions.transact (refusals)", async () => {
    await refusal(() => ledger.transactions.transact(() => {}), "SEQ707");
    const thrown = new Error("by the block");
    await assert.rejects(
        ledger.transactions.transact(() => {
            throw thrown;
        }),
        thrown,
    );
    const before = await ledger.stats.get();
    const error = await refusal(
        () =>
            ledger.transactions.transact((builder) => {
                const take = (sourceAccountId, amount) =>
                    builder.transfer({
                        flavorId: "full",
                        amount,
                        sourceAccountId,
                        destinationAccountId: "full",
                    });
                take("nobody", 1);
                take("alice", 50);
                take("alice", 90);
                take("alice", 91);
            }),
        "SEQ706",
    );
    const nested = error.data.actions.map((it) => [it.data.index, it.seqCode, it.retriable]);
    assert.deepEqual(nested, [
        [0, "SEQ702", false],
        [2, "SEQ761", true],
        [3, "SEQ760", false],
    ]);
    assert.equal(error.data.actions[0].data.errorFields, "source_account_id");
    assert.equal(error.response.status, 400);
    assert.deepEqual({ ...(await ledger.stats.get()) }, { ...before }, "all or nothing");
    assert.deepEqual(await balances("alice"), { full: 90 });
});

await operation("transactions.list", async () => {
    const listed = await all(ledger.transactions.list());
    const { txCount } = await ledger.stats.get();
    assert.deepEqual(
        listed.map((it) => it.sequenceNumber),
        Array.from({ length: txCount }, (_, nr) => txCount - nr),
        "newest first, none left out",
    );
    assert.deepEqual({ ...listed.at(-1) }, { ...first }, "as it was told when it was made");
    const found = async (filter, ...filterParams) =>
        (await all(ledger.transactions.list({ filter, filterParams }))).map((it) => it.sequenceNumber);
    assert.deepEqual(await found("id=$1", first.id), [1]);
    assert.deepEqual(
        await found("timestamp > $1", first.timestamp),
        listed.slice(0, -1).map((it) => it.sequenceNumber),
    );
    assert.deepEqual(await found("timestamp <= $1", first.timestamp), [1]);
    assert.deepEqual(
        await found("actions(type='issue' AND destinationAccountId=$1 AND tags.act='start')", "alice"),
        [1],
    );
    assert.deepEqual(await found("actions(type='issue' AND tags.act='move')"), [], "one and the same action");
    assert.deepEqual(await found("actions(type='issue') AND actions(tags.act='move')"), [
        move.sequenceNumber,
    ]);
    const elsewhere = new Date(Date.parse(first.timestamp) + 2 * 3600 * 1000)
        .toISOString()
        .replace("Z", "+02:00");
    assert.deepEqual(await found("timestamp <= $1", elsewhere), [1], "the same instant");
    await refusal(() => found("actions(destination_account_id='alice')"), "SEQ602");
});

await operation("actions.list", async () => {
    const found = async (filter, ...filterParams) => all(ledger.actions.list({ filter, filterParams }));
    const [start] = await found("tags.act=$1", "start");
    assert.deepEqual({ ...start }, { ...first.actions[0] });
    const types = async (filter, ...filterParams) =>
        (await found(filter, ...filterParams)).map((it) => it.type);
    assert.deepEqual(await types("flavorId='full' AND amount=$1", 30), ["transfer"]);
    assert.deepEqual(await types("snapshot.actionTags.act='end'"), ["retire"]);
    assert.deepEqual(await types("tags.act='end' OR tags.act='move'"), ["retire", "transfer"]);
    assert.deepEqual(await types("snapshot.transactionTags.deal='d1'"), ["issue"]);
    assert.deepEqual(await types("sourceAccountId='alice' AND timestamp > $1", first.timestamp), [
        "retire",
        "transfer",
        "transfer",
    ]);
    assert.deepEqual(await types("transactionId=$1", first.id), ["issue"]);
    await refusal(() => found("flavor_id='full'"), "SEQ602");
    await refusal(() => found("type=$2", "issue"), "SEQ601");
});

await operation("actions.updateTags", async () => {
    const { id } = first.actions[0];
    await ledger.actions.updateTags({ id, tags: { act: "renamed" } });
    const [action] = await all(ledger.actions.list({ filter: "id=$1", filterParams: [id] }));
    assert.deepEqual([action.tags, action.snapshot.actionTags], [{ act: "renamed" }, { act: "start" }]);
    const [transaction] = await all(ledger.transactions.list({ filter: "id=$1", filterParams: [first.id] }));
    assert.deepEqual(transaction.actions[0].tags, { act: "renamed" });
    await refusal(() => ledger.actions.updateTags({ tags: {} }), "SEQ008");
    await refusal(() => ledger.actions.updateTags({ id: "unknown" }), "SEQ002", errors.NotFoundError);
});

await operation("actions.sum", async () => {
    const sums = async (groupBy, filter = "flavorId='full'") => all(ledger.actions.sum({ filter, groupBy }));
    const byType = Object.fromEntries((await sums(["type"])).map((it) => [it.type, it.amount]));
    assert.deepEqual(byType, { issue: 150, transfer: 50, retire: 10 });
    const byLot = (await sums(["type", "snapshot.tokenTags.lot"])).map((it) => [
        it.type,
        it.snapshot.tokenTags?.lot ?? null,
        it.amount,
    ]);
    assert.deepEqual(
        byLot.sort(),
        [
            ["issue", "one", 100],
            ["issue", "two", 50],
            ["retire", null, 10],
            ["transfer", null, 20],
            ["transfer", "moved", 30],
        ].sort(),
    );
    const whole = await all(ledger.actions.sum({ filter: "flavorId='full'" }));
    assert.deepEqual(
        whole.map((it) => it.amount),
        [210],
    );
    assert.deepEqual(await sums(["type"], "flavorId='unknown'"), []);
    await refusal(() => sums(["colour"]), "SEQ602");
    await refusal(() => sums(["flavor_id"]), "SEQ602");
});

await operation("tokens.list", async () => {
    const groups = await all(ledger.tokens.list({ filter: "accountId=$1", filterParams: ["alice"] }));
    assert.equal(groups.length, 1, "alice's second lot is used up");
    const { amount, flavorId, accountId, tags, flavorTags, accountTags } = groups[0];
    assert.deepEqual([amount, flavorId, accountId, tags], [90, "full", "alice", { lot: "one" }]);
    assert.deepEqual([flavorTags, accountTags], [{ colour: "green" }, { colour: "blue", nr: 7 }]);
    const amounts = async (filter) =>
        (await all(ledger.tokens.list({ filter }))).map((it) => it.amount).sort();
    assert.deepEqual(await amounts("accountTags.colour='blue'"), [20, 30, 90]);
    assert.deepEqual(await amounts("flavorTags.colour='green' AND tags.lot='moved'"), [30]);
    await ledger.accounts.updateTags({ id: "alice", tags: {} });
    const [untagged] = await all(ledger.tokens.list({ filter: "accountId='alice'" }));
    assert.equal(untagged.accountTags, null, "the account's tags of now");
    const [action] = await all(ledger.actions.list({ filter: "id=$1", filterParams: [first.actions[0].id] }));
    assert.deepEqual(action.snapshot.destinationAccountTags, { colour: "blue", nr: 7 }, "and those of then");
    await refusal(() => amounts("account_id='alice'"), "SEQ602");
});

await operation("tokens.sum", async () => {
    const sums = async (groupBy, filter) =>
        all(ledger.tokens.sum({ ...(filter && { filter }), ...(groupBy && { groupBy }) }));
    assert.deepEqual(
        (await sums()).map((it) => Number(it.amount)),
        [140],
    );
    const byAccount = Object.fromEntries((await sums(["accountId"])).map((it) => [it.accountId, it.amount]));
    assert.deepEqual(byAccount, { alice: 90, bob: 50 });
    const byLot = (await sums(["tags.lot"], "accountId='bob'")).map((it) => [it.tags.lot, it.amount]);
    assert.deepEqual(
        byLot.sort(),
        [
            [null, 20],
            ["moved", 30],
        ].sort(),
    );
    assert.deepEqual(await sums(["accountId"], "flavorId='unknown'"), []);
    await refusal(() => sums(["type"]), "SEQ602");
});
