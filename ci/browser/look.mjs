// Every page, narrow and wide, dark and light: nothing is wider than the screen, and axe finds nothing.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { visitor } from "./visitor.mjs";

const WIDTHS = [390, 1440];
const SCHEMES = ["light", "dark"];

/** `axe` is the path of axe's script. Says how many looks were taken. */
export async function look(browser, axe, addresses) {
  const rules = readFileSync(axe, "utf8");
  let looks = 0;
  await Promise.all(
    WIDTHS.flatMap((width) => SCHEMES.map((scheme) => ({ width, scheme }))).map(async (options) => {
      const it = await visitor(browser, options);
      for (const address of addresses) {
        const where = `${new URL(address).pathname}, ${options.width} px, ${options.scheme}`;
        await it.page.goto(address);
        // By the driver, which no policy holds back.
        await it.page.evaluate(rules);
        for (const all of [false, true]) {
          if (all) await it.page.evaluate(() => document.querySelectorAll("details").forEach((it) => (it.open = true)));
          const wide = await it.page.evaluate(() => document.documentElement.scrollWidth);
          assert.ok(wide <= options.width, `${where}: ${wide} px wide`);
        }
        const found = await it.page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
        const told = found.violations.map((it) => `${it.id}: ${it.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`).join("\n  ")}`);
        assert.deepEqual(told, [], where);
        looks += 1;
      }
      it.fine();
      await it.context.close();
    }),
  );
  return looks;
}
