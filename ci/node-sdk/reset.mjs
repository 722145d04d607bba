// Emptying the ledger: after everything else.

import assert from "node:assert/strict";

import { all, connect, ledger, operation, refusal } from "./check.mjs";

await operation("devUtils.reset", async () => {
    await ledger.devUtils.reset();
    const { flavorCount, accountCount, txCount, ledgerType } = await ledger.stats.get();
    assert.deepEqual([flavorCount, accountCount, txCount, ledgerType], [0, 0, 0, "dev"]);
    for (const kind of ["keys", "accounts", "flavors", "transactions", "actions", "tokens", "feeds"]) {
        assert.deepEqual(await all(ledger[kind].list()), [], kind);
    }
    assert.equal((await ledger.keys.create({ id: "key" })).id, "key", "its name is free again");
    const production = connect({ ledgerName: process.env.SEQUENCE_PRODUCTION_LEDGER });
    assert.equal((await production.stats.get()).ledgerType, "prod");
    await refusal(() => production.devUtils.reset(), "SEQ011");
});
