// The SDK, a client of it, and how an operation is checked.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

import { sent, watch } from "./recorder.mjs";

const [folder] = process.argv.slice(2);
const require = createRequire(join(folder, "from-here.js"));
export const { Client, Connection, errors } = require("sequence-sdk");
export const { BigNumber } = require("bignumber.js");

for (const [file, name] of [
    ["query", "Query"],
    ["page", "Page"],
    ["api/feeds", "Feed"],
    ["api/transactions", "TransactionBuilder"],
]) {
    watch(name, require(`sequence-sdk/dist/${file}`)[name].prototype);
}

export const credential = process.env.SEQCRED;
const ledgerName = process.env.LEDGER_NAME;

export function connect(options = {}) {
    return new Client({ ledgerName, credential, ...options });
}

export const ledger = connect();
for (const [name, api] of Object.entries(ledger)) {
    if (!(api instanceof Connection)) watch(name, api);
}

// How long one operation may take before it counts as stuck: the SDK itself goes on for two minutes.
const LIMIT = 60_000;
export let count = 0;
let current;

function fail(error) {
    console.error(`FAILED ${current}:`, error);
    process.exit(1);
}

// Of a call that a check has not come to wait for yet.
process.on("unhandledRejection", fail);

export async function operation(name, check) {
    current = name;
    let timer;
    const limit = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`nothing came of it within ${LIMIT} ms`)), LIMIT);
    });
    try {
        await Promise.race([check(), limit]);
    } catch (error) {
        fail(error);
    }
    clearTimeout(timer);
    count += 1;
    console.log(`ok ${name}`);
}

export async function all(query) {
    const items = [];
    for await (const item of query.all()) items.push(item);
    return items;
}

export async function ids(query) {
    return (await all(query)).map((it) => it.id);
}

// What the call is refused with.
export async function refusal(call, seqCode, kind = errors.BadRequestError) {
    const error = await call().then(
        (value) => assert.fail(`expected ${seqCode}, got ${JSON.stringify(value)}`),
        (error) => error,
    );
    assert.equal(error.seqCode, seqCode, String(error));
    assert.ok(error instanceof kind, `expected a ${kind.name}, got ${error.name}`);
    assert.equal(error.retriable, false);
    assert.ok(error.requestId.endsWith("/1"), "the request's id, first attempt");
    assert.ok(error.message.includes(seqCode) && error.message.includes(error.requestId), error.message);
    return error;
}

// What the SDK itself refuses, without asking.
export async function refusedUnsent(call) {
    const before = sent.length;
    await assert.rejects(async () => call(), { name: "InvalidParametersError" });
    assert.equal(sent.length, before, "nothing was sent");
}

export const issue = (flavorId, amount, destinationAccountId, more = {}) =>
    ledger.transactions.transact((builder) =>
        builder.issue({ flavorId, amount, destinationAccountId, ...more }),
    );

export const isEmpty = (tags) => tags == null || Object.keys(tags).length === 0;
