// Something is wrong for longer than a moment: who looks sees it, takes it, and mutes it; and it is over.
import { strict as assert } from "node:assert";
import { until, visitor } from "./visitor.mjs";

const STEP = "api::create_feed";

/** Breaks the product, and does what somebody at 3 a.m. does. Says which pages there are then. */
export async function incident(browser, service) {
  const { base } = service;
  const it = await visitor(browser);
  const { page } = it;
  await page.goto(`${base}/`);
  await page.locator(".incidents h2", { hasText: "No open incidents" }).waitFor();
  await page.evaluate(() => (window.sameDocument = true));
  await service.between("api", () => service.fault("error_500:create-feed", true));
  await page.locator(".incidents li", { hasText: "pagerduty told at" }).waitFor({ timeout: 60_000 });
  assert.ok(await page.evaluate(() => window.sameDocument), "without a reload");
  await page.locator(".incidents li a").click();
  assert.equal((await page.locator("h1").textContent()).replace("critical", ""), STEP);
  const path = new URL(page.url()).pathname;
  assert.match(path, /^\/incidents\/i-[a-z0-9]+$/);
  assert.deepEqual((await page.locator(".story .name").allTextContents()).slice(0, 2), ["canary", "pagerduty"]);

  await page.getByLabel("Who are you?").first().fill("Kim");
  await page.getByRole("button", { name: `Acknowledge: ${STEP}` }).click();
  await page.locator(".facts", { hasText: "acknowledged by Kim" }).waitFor();
  await page.locator(".log", { hasText: "acknowledged by Kim" }).waitFor();
  it.fine();
  await it.context.close();

  // The rest on a phone, without JavaScript.
  const phone = await visitor(browser, { javaScriptEnabled: false, width: 390 });
  const muting = phone.page;
  await muting.goto(`${base}/incidents`);
  await muting.locator("#all-mute summary").click();
  await muting.locator("#all-scope").fill(STEP);
  await muting.locator("#all-why").fill("known, Kim is at it");
  await muting.locator("#all-by").fill("Kim");
  await muting.getByRole("button", { name: "Mute", exact: true }).click();
  await muting.locator(".silences li", { hasText: "known, Kim is at it" }).waitFor();
  assert.match(await muting.locator(".incident .facts").first().textContent(), /held: mute until .*known, Kim is at it/);
  await muting.goto(`${base}/canaries/api`);
  assert.match(await muting.locator(".incidents").textContent(), /acknowledged by Kim/);
  phone.fine();
  await phone.context.close();
  return [`${base}/incidents`, base + path, `${base}/canaries/api`];
}

/** Mends the product, and waits until it is told that all is well. */
export async function over(browser, service) {
  const it = await visitor(browser);
  await service.fault("error_500:create-feed", false);
  await it.page.goto(`${service.base}/incidents`);
  await it.page.locator(".past-incidents li", { hasText: "told: pagerduty" }).first().waitFor({ timeout: 60_000 });
  assert.match(await it.page.locator(".past-incidents").textContent(), /well again after/);
  await it.page.getByRole("button", { name: `Lift the mute of ${STEP}` }).click();
  await until("nothing is muted", async () => (await it.page.locator(".silences li").count()) === 0);
  it.fine();
  await it.context.close();
}
