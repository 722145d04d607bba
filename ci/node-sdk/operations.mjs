// Every operation of the vendor's SDK for Node, and what each must do, on a ledger that is empty at first.
//
// usage: node operations.mjs FOLDER_OF_THE_SDK OPENAPI_DOCUMENT CONTROL_ADDRESS, with SEQADDR, SEQTLSCA, SEQCRED,
// LEDGER_NAME and SEQUENCE_PRODUCTION_LEDGER. The first check that fails is named and ends the program with 1.

import assert from "node:assert/strict";

import { count, operation } from "./check.mjs";
import { neverCalled, operationsOf, sent } from "./recorder.mjs";

// One after the other: each builds on what those before it have left in the ledger.
for (const part of ["objects", "transactions", "feeds", "client", "reset"]) await import(`./${part}.mjs`);

const operations = count;
await operation("nothing was forgotten", async () => {
    assert.deepEqual(neverCalled(), [], "methods of the SDK that no check has called");
    const described = operationsOf(process.argv[3]);
    assert.deepEqual(
        [...described].filter((it) => !sent.includes(it)),
        [],
        "operations that no check has sent",
    );
    assert.deepEqual(
        sent.filter((it) => !described.has(it)),
        [],
        "operations that the document does not describe",
    );
});
console.log(`${operations} operations`);
// Connections that the SDK keeps open would keep the program waiting.
process.exit(0);
