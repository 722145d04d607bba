// The status page in a real browser. `node check.mjs FOLDER BROWSER PROGRAM`: what npm has installed, the browser, and
// `canaries`.
import { createRequire } from "node:module";
import { join } from "node:path";
import { TOKEN, access, foreign, plain } from "./access.mjs";
import { hostile } from "./hostile.mjs";
import { incident, over } from "./incident.mjs";
import { failedRun, green, greenAgain, red, tabs, typing } from "./live.mjs";
import { look } from "./look.mjs";
import { serve } from "./service.mjs";

const [folder, executablePath, program] = process.argv.slice(2);
const require = createRequire(join(folder, "package.json"));
const { chromium } = require("playwright-core");

const began = performance.now();
const say = (line) => console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}`);
const services = [];
// In a container of CI everybody is root, and Chromium's own sandbox is not to be had.
const browser = await chromium.launch({ executablePath, args: process.getuid() === 0 ? ["--no-sandbox"] : [] });
say(`chromium ${browser.version()}`);

/** One after the other, so that the time of the first start is its own. */
async function all() {
  const watched = await serve(program, { options: ["--every", "5s", "--control", "127.0.0.1:0"] });
  services.push(watched);
  const it = await green(browser, watched);
  say(`both canaries are green on the page ${it.seconds.toFixed(1)} s after the start`);

  const locked = await serve(program, { options: ["--every", "1h"], environment: { COALMINE_TOKEN: TOKEN } });
  services.push(locked);
  const looked = async (pages) => {
    const looks = await look(browser, require.resolve("axe-core/axe.min.js"), pages);
    say(`${looks} looks at ${pages.length} pages: no wider than the screen, nothing for axe`);
  };
  // Each on pages of its own, so all at once.
  const turns = (async () => {
    const shown = await red(it, watched);
    say(`mail_spam: red at ${shown.step} after ${shown.seconds.toFixed(1)} s, without a reload`);
    // At once, while the failed run is looked at.
    const repaired = greenAgain(it, watched).then((seconds) => {
      say(`repaired: green after ${seconds.toFixed(1)} s, without a reload`);
    });
    const seen = (async () => {
      await failedRun(browser, watched, shown.run, shown.step);
      say("the failed run is open at its step, and a request unfolds");
      const step = `/canaries/onboarding/steps/${shown.step}`;
      await looked([step, shown.run, "/canaries/onboarding?verdict=failed"].map((it) => watched.base + it));
    })();
    await Promise.all([repaired, seen]);
  })();
  const others = (async () => {
    await access(browser, locked);
    say("the token logs in; a signed link opens one page, to read");
    await plain(browser, locked);
    say("read, paused and resumed without JavaScript");
    await foreign(browser, watched);
    say("a form on somebody else's page is refused");
    await typing(browser, watched);
    say("what is being typed outlives a change of the page");
    await tabs(browser, watched);
    say("eight tabs get along");
    const pages = await hostile(browser, program, services);
    say("hostile answers stay text");
    // Red, inconclusive and paused with the longest texts; green; and what strangers see.
    await looked([...pages, ...["/", "/surface", "/canaries/api"].map((it) => watched.base + it), `${locked.base}/login`]);
  })();
  const wrong = (async () => {
    const broken = await serve(program, { options: ["--every", "2s", "--control", "127.0.0.1:0"] });
    services.push(broken);
    const pages = await incident(browser, broken);
    say("an incident is seen, acknowledged, and muted on a phone without JavaScript");
    await looked(pages);
    await over(browser, broken);
    say("it is over, and its history says who was told");
  })();
  await Promise.all([turns, others, wrong]);
}

// Whoever ends this ends what it has started.
const stop = async () => {
  await Promise.allSettled([browser.close(), ...services.map((it) => it.stop())]);
};
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => stop().then(() => process.exit(1)));
try {
  await all();
  say("all is well");
} catch (error) {
  console.error(error.stack ?? error);
  process.exitCode = 1;
} finally {
  await stop();
}
// A failed half leaves the other waiting for a browser that is gone.
process.exit();
