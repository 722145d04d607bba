// With a token: who gets in, what a signed link opens, what pages of others can do; and without JavaScript.
import { strict as assert } from "node:assert";
import { createServer } from "node:http";
import { visitor } from "./visitor.mjs";

const REFUSED = /status of (401|403)/;

export const TOKEN = "a-token-for-the-browser-test";

async function login(page, base, token) {
  await page.goto(`${base}/`);
  assert.match(page.url(), /\/login/, "nobody gets in without");
  await page.getByLabel("Password or token").fill(token);
  await page.getByRole("button", { name: "Log in" }).click();
}

/** Logs in, takes a signed link, and sees what a stranger can do with it. */
export async function access(browser, service) {
  const { base } = service;
  const it = await visitor(browser, { permissions: ["clipboard-read", "clipboard-write"] });
  await login(it.page, base, "not-the-token-at-all");
  assert.match(await it.page.getByRole("alert").textContent(), /that is not the token/);
  await login(it.page, base, TOKEN);
  assert.equal(it.page.url(), `${base}/`);
  await it.page.locator("#canary-api.passed").waitFor();
  const cookie = (await it.context.cookies()).find((it) => it.name === "coalmine_session");
  assert.ok(cookie.httpOnly && cookie.sameSite === "Lax");

  // Who runs one by hand sees it as soon as it has ended, on the page that said it was running.
  await it.page.getByRole("button", { name: "Run now: api" }).click();
  await it.page.locator("h1", { hasText: /^api\s+passed/ }).waitFor();
  await it.page.getByRole("button", { name: "Copy" }).click();
  await it.page.getByRole("button", { name: "Copied" }).waitFor();
  const link = await it.page.evaluate(() => navigator.clipboard.readText());
  assert.match(link, new RegExp(`^${base}/runs/[a-z0-9]+\\?until=\\d+&sig=`));
  it.fine(REFUSED);

  const stranger = await visitor(browser);
  assert.equal((await stranger.page.goto(link)).status(), 200);
  assert.equal(await stranger.page.locator("#share, form").count(), 0, "it can only be read");
  const own = new URL(link);
  for (const path of ["/", "/surface", "/canaries/api", "/canaries/api/steps/hello", "/runs/other"]) {
    await stranger.page.goto(`${base}${path}${own.search}`);
    assert.match(stranger.page.url(), /\/login/, `${path} is not opened by it`);
  }
  await stranger.page.goto(link.replace(/sig=./, (it) => (it === "sig=A" ? "sig=B" : "sig=A")));
  assert.match(stranger.page.url(), /\/login/, "a link that was changed opens nothing");
  await stranger.page.goto(link);
  for (const path of ["/canaries/api/pause", "/run/api", `${own.pathname}`]) {
    const status = await stranger.page.evaluate(async (path) => {
      const answer = await fetch(path, { method: "POST", body: new URLSearchParams({ reason: "mine" }) });
      return answer.status;
    }, path + own.search);
    assert.equal(status, 401, `POST ${path}`);
  }
  stranger.fine(REFUSED);
  await stranger.context.close();

  await it.page.getByRole("button", { name: "Log out" }).click();
  await it.page.goto(`${base}/`);
  assert.match(it.page.url(), /\/login/);
  await it.context.close();
}

/** Everything works without JavaScript. */
export async function plain(browser, service) {
  const it = await visitor(browser, { javaScriptEnabled: false, width: 390 });
  const { page } = it;
  await login(page, service.base, TOKEN);
  for (const canary of ["api", "onboarding"]) {
    assert.match(await page.locator(`#canary-${canary} h2`).textContent(), new RegExp(`${canary}\\s+passed`));
  }
  await page.locator("#canary-onboarding-pause summary").click();
  await page.getByLabel("Why?").locator("visible=true").fill("the mail server moves");
  await page.getByRole("button", { name: "Pause onboarding" }).click();
  assert.match(await page.locator("#canary-onboarding .pausing").textContent(), /the mail server moves/);
  await page.getByRole("button", { name: "Resume onboarding" }).click();
  // Without a script the click is over before the next page has come.
  await page.locator("#canary-onboarding .pausing").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Run now: onboarding" }).click();
  await page.locator("h1", { hasText: /^onboarding\s+passed/ }).waitFor();
  await page.getByRole("link", { name: "Overview" }).first().click();
  await page.locator("#canary-api h2 a").click();
  assert.match(page.url(), /\/canaries\/api$/);
  await page.locator("nav.filters a", { hasText: "failed" }).click();
  assert.match(await page.locator("section", { has: page.locator("#runs") }).textContent(), /There are none of these/);
  await page.locator("table a", { hasText: /^hello$/ }).click();
  assert.match(await page.locator("h1").textContent(), /hello/);
  it.fine(REFUSED);
  await it.context.close();
}

/** A page of somebody else has a form that goes to us; the visitor needs no token here, so nothing but the gate is in its way. */
export async function foreign(browser, service) {
  const evil = createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<form method=post action="${service.base}/canaries/api/pause"><input name=reason value=mine>
      <button>Win a prize</button></form>`);
  });
  await new Promise((resolve) => evil.listen(0, "127.0.0.1", resolve));
  try {
    const it = await visitor(browser);
    await it.page.goto(`http://127.0.0.1:${evil.address().port}/`);
    const [answer] = await Promise.all([
      it.page.waitForResponse((it) => it.request().method() === "POST"),
      it.page.getByRole("button").click(),
    ]);
    assert.equal(answer.status(), 403);
    await it.page.goto(`${service.base}/canaries/api`);
    assert.equal(await it.page.locator(".pausing").count(), 0);
    await it.context.close();
  } finally {
    evil.closeAllConnections();
    evil.close();
  }
}
