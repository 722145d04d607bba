// What the SDK offers, what of it was called, and what went over the wire: so that nothing can be forgotten in silence.

import diagnostics from "node:diagnostics_channel";
import { readFileSync } from "node:fs";

// The names of all operations that were sent, in order. Node itself tells, so this does not depend on the SDK's insides.
export const sent = [];
const waiting = [];

diagnostics.subscribe("http.client.request.start", ({ request }) => {
    const operation = request.path.split("/").at(-1);
    sent.push(operation);
    for (const one of waiting.filter((it) => it.operation === operation)) one.resolve();
});

// Resolves when the operation is sent the next time.
export function nextSent(operation) {
    return new Promise((resolve) => waiting.push({ operation, resolve }));
}

const offered = new Set();
const called = new Set();

// Notes every call of every method of `owner` from now on.
export function watch(name, owner) {
    for (const method of Object.getOwnPropertyNames(owner)) {
        const original = owner[method];
        if (method === "constructor" || typeof original !== "function") continue;
        offered.add(`${name}.${method}`);
        owner[method] = function (...parameters) {
            called.add(`${name}.${method}`);
            return original.apply(this, parameters);
        };
    }
}

// The methods that nobody called.
export function neverCalled() {
    return [...offered].filter((it) => !called.has(it));
}

// The operations of the ledger API, as the product's description lists them. No SDK calls the dashboard.
export function operationsOf(document) {
    const paths = Object.keys(JSON.parse(readFileSync(document, "utf8")).paths);
    return new Set(paths.filter((it) => !it.startsWith("/dashboard/")).map((it) => it.split("/").at(-1)));
}
