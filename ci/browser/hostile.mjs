// A product whose answers try to be more than text.
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "./service.mjs";
import { stands, until, visitor } from "./visitor.mjs";

const BAIT = [
  "<script>window.pwned=1;alert(1)</script>",
  "<img src=x onerror=\"window.pwned=2\">",
  "</title></style></textarea></pre></script><svg onload=\"window.pwned=3\">",
  "\"><a href=\"javascript:window.pwned=4\">x</a><iframe srcdoc=\"<script>parent.pwned=5</script>\"></iframe>",
  "\u202egnp.exe\u200b\u2066\ufeff",
  "<style>*{display:none}</style><base href=//evil.example/>",
].join(" ");
const LONG = "W".repeat(3000);

/** A product that answers whatever is asked in the same way, over TLS. */
async function product() {
  const folder = mkdtempSync(join(tmpdir(), "hostile-"));
  const file = (name) => join(folder, name);
  writeFileSync(file("cnf"), "[req]\ndistinguished_name=name\nx509_extensions=ext\nprompt=no\n[name]\nCN=hostile\n[ext]\n" +
    "basicConstraints=CA:FALSE\nsubjectAltName=IP:127.0.0.1\n");
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
    "2", "-config", file("cnf"), "-keyout", file("key"), "-out", file("crt")], { stdio: "ignore" });
  const server = createServer({ key: readFileSync(file("key")), cert: readFileSync(file("crt")) }, (request, response) => {
    request.resume();
    response.writeHead(500, { "content-type": "application/json", "x-bait": "<script>window.pwned=6</script>",
      "chain-request-id": "<img src=x onerror=window.pwned=7>" });
    response.end(JSON.stringify({ seq_code: BAIT, retriable: false, message: `${BAIT} ${LONG}`, detail: BAIT, [BAIT]: [BAIT, LONG] }));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `https://127.0.0.1:${server.address().port}`,
    authority: file("crt"),
    stop() {
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function hostile(browser, program, programs) {
  const evil = await product();
  try {
    const service = await serve(program, {
      options: ["--every", "1h", "--no-alerts"],
      environment: {
        COALMINE_TARGET: evil.address, COALMINE_CA: evil.authority, SEQUENCE_TEAM: "team", SEQUENCE_PRODUCTION_LEDGER: "prod",
        SEQUENCE_CREDENTIAL: "a-credential-of-nobody", SEQUENCE_EMAIL: "nobody@example.com",
        SEQUENCE_PASSWORD: "a-password-of-nobody", SEQUENCE_USER_KEY: "0123456789abcdef0123456789abcdef",
        GMAIL_CLIENT_ID: "id", GMAIL_CLIENT_SECRET: "a-secret-of-nobody", GMAIL_CREDENTIAL: "1//a-refresh-token-of-nobody",
        GMAIL_API_ROOT: evil.address, GMAIL_TOKEN_URI: `${evil.address}/token`,
      },
    });
    programs.push(service);
    const it = await visitor(browser, { width: 390 });
    await it.context.addInitScript(() => {
      window.violations = [];
      addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
    });
    const { page } = it;
    await page.goto(`${service.base}/`);
    // The mailbox is no better than the product, so onboarding cannot tell.
    await until("no canary is green", async () =>
      (await stands(page, "api")) === "failed" && (await stands(page, "onboarding")) === "inconclusive", 60);
    // What people type is no better.
    const form = { reason: BAIT.slice(0, 400), next: "/" };
    await page.request.post(`${service.base}/canaries/api/pause`, { form, headers: { origin: service.base } });
    await page.goto(`${service.base}/`);
    await page.locator("#canary-api-resume").waitFor();

    const run = (await page.locator("#canary-api .root a").getAttribute("href")).split("#")[0];
    const step = (await page.locator("#canary-api .root a").textContent()).trim();
    let told = "";
    const other = await page.locator("#canary-onboarding .root a").getAttribute("href");
    const paths = ["/", run, other, "/canaries/api", `/canaries/api/steps/${encodeURIComponent(step)}`, "/surface", "/run/api",
      "/canaries/api?verdict=%3Cscript%3Ealert(1)%3C/script%3E", "/runs/%3Cscript%3Ealert(1)%3C%2fscript%3E",
      "/login?next=javascript:alert(1)"];
    for (const path of paths) {
      const answer = await page.goto(service.base + path);
      const policy = answer.headers()["content-security-policy"];
      assert.match(policy, /^default-src 'none'/, path);
      assert.doesNotMatch(policy, /unsafe/, path);
      await page.evaluate(() => document.querySelectorAll("details").forEach((it) => (it.open = true)));
      const seen = await page.evaluate(() => ({
        pwned: window.pwned,
        violations: window.violations,
        elements: document.querySelectorAll("main img, main script, main iframe, main style, base, [onerror], [onload], a[href^='javascript']").length,
        text: document.body.innerText,
        wide: document.documentElement.scrollWidth,
        styled: getComputedStyle(document.body).margin === "0px",
      }));
      assert.deepEqual({ ...seen, text: "" }, { pwned: undefined, violations: [], elements: 0, text: "", wide: 390, styled: true }, path);
      assert.doesNotMatch(seen.text, /[\u202a-\u202e\u2066-\u2069\u200b\ufeff]/, `${path}: what turns text around is not let through`);
      told += seen.text;
    }
    for (const part of ["<script>window.pwned=1;alert(1)</script>", "onerror=", "⟨U+202E⟩"]) {
      assert.ok(told.includes(part), `${part} is shown as text`);
    }
    it.fine(/status of (400|404|500|503)/);
    await it.context.close();
    return paths.slice(0, 6).map((it) => service.base + it);
  } finally {
    evil.stop();
  }
}
