// Green soon after the start, red at the right step while a fault is on, and green again; never a reload.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { stands, until, visitor } from "./visitor.mjs";

const CANARIES = ["api", "onboarding"];
/** From the start of the process to a page that is green. */
const SOON = 10;
/** A run is not far, and a mail in spam is seen at once. */
const NOTICED = 60;

/** What is written of a fault in the drill's table. */
function expected(fault) {
  const table = JSON.parse(readFileSync("canaries/faults.json", "utf8"));
  const rows = Array.isArray(table) ? table : table.faults;
  return rows.find((it) => it.fault === fault).steps;
}

export async function green(browser, service) {
  const it = await visitor(browser);
  await it.page.goto(`${service.base}/`);
  await until("both canaries are green", async () => {
    const all = await Promise.all(CANARIES.map((canary) => stands(it.page, canary)));
    return all.every((verdict) => verdict === "passed");
  });
  const seconds = (performance.now() - service.started) / 1000;
  assert.ok(seconds < SOON, `green after ${seconds.toFixed(1)} s`);
  // Not within a reload, not within a document that was put in its place.
  await it.page.evaluate(() => (window.sameDocument = true));
  return { ...it, seconds };
}

const icon = (page) => page.locator("link[rel=icon]").getAttribute("href");

/** Breaks the product and waits for red. Says how long that took, and which run shows it. */
export async function red(it, service) {
  const before = { title: await it.page.title(), icon: await icon(it.page) };
  await service.between("onboarding", () => service.fault("mail_spam", true));
  const began = performance.now();
  await until("onboarding is red", async () => (await stands(it.page, "onboarding")) === "failed", NOTICED);
  const seconds = (performance.now() - began) / 1000;
  assert.match(before.title, /^passed: Both canaries passed/);
  const root = it.page.locator("#canary-onboarding .root a");
  const step = (await root.textContent()).trim();
  assert.ok(expected("mail_spam").includes(`onboarding::${step}`), `the root is ${step}`);
  assert.equal(await stands(it.page, "api"), "passed", "the other canary has nothing to do with it");
  assert.match(await it.page.title(), /^failed: 1 of 2 canaries failed/);
  assert.notEqual(await icon(it.page), before.icon, "the tab shows it, too");
  assert.ok(await it.page.evaluate(() => window.sameDocument), "without a reload");
  return { seconds, step, run: await root.getAttribute("href") };
}

export async function greenAgain(it, service) {
  await service.fault("mail_spam", false);
  const began = performance.now();
  await until("onboarding is green again", async () => (await stands(it.page, "onboarding")) === "passed", 80);
  assert.match(await it.page.title(), /^passed: Both canaries passed/);
  assert.ok(await it.page.evaluate(() => window.sameDocument), "without a reload");
  it.fine();
  return (performance.now() - began) / 1000;
}

/** The run's page: what failed is open, and a request unfolds. */
export async function failedRun(browser, service, path, step) {
  const it = await visitor(browser);
  await it.page.goto(service.base + path);
  const section = it.page.locator(`#step-${step}`);
  assert.ok(await section.evaluate((it) => it.open), "what failed is open");
  assert.match(await section.locator(".failure .message").textContent(), /\S/);
  assert.match(await section.locator(".again").textContent(), new RegExp(`cargo test .*--exact onboarding::${step}`));
  const id = await it.page.locator("details.exchange:not([open])").first().getAttribute("id");
  const exchange = it.page.locator(`[id="${id}"]`);
  const answer = exchange.locator(".side").last();
  await exchange.evaluate((it) => {
    for (let at = it.parentElement; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  });
  assert.ok(!(await answer.isVisible()), "a request is folded at first");
  await exchange.locator("summary").click();
  await answer.waitFor({ state: "visible" });
  it.fine();
  await it.context.close();
}

/** Many tabs: a browser keeps six connections to a host, and a page that is told of changes holds one. */
export async function tabs(browser, service) {
  const it = await visitor(browser);
  // All windows of a browser without a screen think that they are looked at.
  await it.context.addInitScript(() => {
    let isHidden = false;
    Object.defineProperty(document, "hidden", { get: () => isHidden });
    window.hide = (is) => {
      isHidden = is;
      dispatchEvent(new Event("visibilitychange"));
    };
  });
  const pages = [it.page];
  while (pages.length < 8) pages.push(await it.context.newPage());
  for (const page of pages) {
    await page.goto(`${service.base}/`);
    await page.evaluate(() => window.hide(true));
  }
  await it.page.evaluate(() => (window.hide(false), (document.querySelector("h1").isOld = true)));
  await until("the tab in front is live", () => it.page.evaluate(() => !document.querySelector("h1").isOld));
  it.fine();
  await it.context.close();
}

/** What somebody types is not lost when the page changes under it. */
export async function typing(browser, service) {
  const it = await visitor(browser);
  await it.page.goto(`${service.base}/`);
  await it.page.locator("#canary-api-pause summary").click();
  await it.page.locator("#canary-api-reason").pressSequentially("the shop is being pain");
  const first = await it.page.locator("#canary-api .identity").evaluate((it) => (it.isOld = true));
  assert.ok(first);
  await until("the page has changed", () => it.page.locator("#canary-api .identity").evaluate((it) => !it.isOld));
  await it.page.keyboard.type("ted");
  assert.equal(await it.page.locator("#canary-api-reason").inputValue(), "the shop is being painted");
  await it.page.locator("#canary-api-length").selectOption("1h");
  await it.page.locator("#canary-api-pause button").click();
  await it.page.locator("#canary-api .pausing").waitFor();
  assert.match(await it.page.locator("#canary-api .pausing").textContent(), /the shop is being painted, until/);
  await it.page.locator("#canary-api-resume").click();
  await it.page.locator("#canary-api .pausing").waitFor({ state: "detached" });
  it.fine();
  await it.context.close();
}
