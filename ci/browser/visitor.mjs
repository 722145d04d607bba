// Somebody with a browser who notices what should not happen.
import { strict as assert } from "node:assert";

/** Opens a window. What goes wrong in any of its pages is remembered. */
export async function visitor(browser, { width = 1440, scheme = "light", ...options } = {}) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme, ...options });
  context.setDefaultTimeout(20_000);
  const troubles = [];
  context.on("page", (page) => {
    page.on("pageerror", (error) => troubles.push(`error: ${error.message}`));
    page.on("console", (message) => {
      // Violations of the policy are told here as well.
      if (message.type() === "error") troubles.push(`console: ${message.text()} at ${page.url()}`);
    });
    page.on("dialog", (dialog) => {
      troubles.push(`dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
  });
  return {
    context,
    page: await context.newPage(),
    /** Nothing went wrong, apart from what is expected. */
    fine(expected = /$^/) {
      assert.deepEqual(troubles.filter((it) => !expected.test(it)), []);
    },
  };
}

/** Waits until it holds, and says what did not. */
export async function until(what, holds, seconds = 20) {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    if (await holds()) return;
    if (performance.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** How a canary stands on the overview: `passed`, `failed`, …, or `none`. */
export async function stands(page, canary) {
  const classes = await page.locator(`#canary-${canary}`).getAttribute("class");
  return classes.split(" ").find((it) => !["card", "canary"].includes(it));
}
