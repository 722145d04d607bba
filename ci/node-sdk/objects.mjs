// Finding the ledger, and what it consists of: keys, accounts, flavors.

import assert from "node:assert/strict";

import {
    Client,
    all,
    connect,
    credential,
    errors,
    ids,
    isEmpty,
    ledger,
    operation,
    refusal,
    refusedUnsent,
} from "./check.mjs";
import { sent } from "./recorder.mjs";

await operation("connect", async () => {
    assert.throws(() => new Client({ credential }), /ledgerName must be provided/);
    await refusal(() => connect({ credential: "wrong" }).stats.get(), "SEQ002", errors.NotFoundError);
    await refusal(() => connect({ credential: undefined }).stats.get(), "SEQ002", errors.NotFoundError);
    await refusal(() => connect({ ledgerName: "none" }).stats.get(), "SEQ002", errors.NotFoundError);
    await ledger.stats.get();
    assert.equal(ledger.connection.ledgerUrl, `https://${process.env.SEQADDR}/team/test`);
    assert.ok(ledger.connection.deadline > Date.now(), "the address may be used again");
    const hellos = () => sent.filter((it) => it === "hello").length;
    const before = hellos();
    await ledger.stats.get();
    assert.equal(hellos(), before, "and is");
});

await operation("stats.get", async () => {
    const stats = await ledger.stats.get();
    assert.deepEqual({ ...stats }, { flavorCount: 0, accountCount: 0, txCount: 0, ledgerType: "dev" });
});

await operation("keys.create", async () => {
    assert.equal((await ledger.keys.create({ id: "key" })).id, "key");
    assert.equal((await ledger.keys.create({ id: "second key" })).id, "second key");
    const made = await ledger.keys.create({});
    assert.ok(made.id.length > 0 && made.id !== "key");
    await refusal(() => ledger.keys.create({ id: "key" }), "SEQ050");
    await refusedUnsent(() => ledger.keys.create({ name: "key" }));
    await refusedUnsent(() => ledger.keys.create({ id: 1 }));
});

await operation("keys.list", async () => {
    const listed = await ids(ledger.keys.list());
    assert.equal(listed.length, 3);
    assert.deepEqual(listed.slice(1), ["second key", "key"], "newest first");
});

for (const kind of ["accounts", "flavors"]) {
    const api = ledger[kind];
    await operation(`${kind}.create`, async () => {
        const tags = { colour: "red", nested: { camelKey: 1, snake_key: [true, null] } };
        const given = { id: "full", keyIds: ["second key", "key"], quorum: 1, tags };
        assert.deepEqual({ ...(await api.create(structuredClone(given))) }, given);
        const made = await api.create({ keyIds: ["key", "second key"] });
        assert.ok(made.id.length > 0);
        assert.equal(made.quorum, 2, "as many as there are keys");
        assert.ok(isEmpty(made.tags));
        await refusal(() => api.create({ id: "full", keyIds: ["key"] }), "SEQ050");
        await refusal(() => api.create({ id: "keyless" }), "SEQ052");
        await refusal(() => api.create({ keyIds: [] }), "SEQ052");
        await refusal(() => api.create({ keyIds: ["unknown"] }), "SEQ052");
        await refusal(() => api.create({ keyIds: ["key", "key"] }), "SEQ204");
        await refusal(() => api.create({ keyIds: ["key"], quorum: 2 }), "SEQ200");
        await refusedUnsent(() => api.create({ keyIds: ["key"], colour: "red" }));
        for (const id of ["alice", "bob"])
            await api.create({ id, keyIds: ["key"], tags: { colour: "blue", nr: 7 } });
    });

    await operation(`${kind}.updateTags`, async () => {
        const listed = async () => (await all(api.list({ filter: "id='full'" })))[0];
        await api.updateTags({ id: "full", tags: { shape: "round" } });
        assert.deepEqual((await listed()).tags, { shape: "round" }, "replaced, not merged");
        await api.updateTags({ id: "full" });
        assert.ok(isEmpty((await listed()).tags), "cleared");
        await refusal(() => api.updateTags({ tags: {} }), "SEQ008");
        await refusal(() => api.updateTags({ id: "unknown", tags: {} }), "SEQ002", errors.NotFoundError);
        await api.updateTags({ id: "full", tags: { colour: "green" } });
    });

    await operation(`${kind}.list`, async () => {
        assert.equal((await all(api.list())).length, 4);
        assert.deepEqual((await ids(api.list())).slice(0, 2), ["bob", "alice"], "newest first");
        const found = (filter, ...filterParams) => ids(api.list({ filter, filterParams }));
        assert.deepEqual(await found("tags.colour=$1", "blue"), ["bob", "alice"]);
        assert.deepEqual(await found("tags.colour='blue' AND id=$1", "alice"), ["alice"]);
        assert.deepEqual(await found("(id=$1 OR id='full') AND tags.colour='green'", "alice"), ["full"]);
        assert.deepEqual(await found("tags.nr=7"), ["bob", "alice"]);
        assert.deepEqual(await found("tags.nr=$1", "7"), [], "a text is not a number");
        assert.deepEqual(await found("tags.colour='blau'"), []);
        await refusal(() => found("tags.colour=$1"), "SEQ601");
        await refusal(() => found("tags.colour="), "SEQ602");
        await refusedUnsent(() => api.list({ fliter: "id='a'" }));
    });
}
