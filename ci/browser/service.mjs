// `canaries serve` in a fresh state, until it is stopped.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Starts the service, and says where it is once it says so itself. Nothing of the caller's configuration is passed on. */
export async function serve(program, { options = [], environment = {} } = {}) {
  const state = mkdtempSync(join(tmpdir(), "canaries-"));
  const inherited = Object.entries(process.env).filter(([name]) => !/^(COALMINE|SEQUENCE|GMAIL)_/.test(name));
  const started = performance.now();
  const child = spawn(program, ["serve", "--listen", "127.0.0.1:0", ...options], {
    env: { ...Object.fromEntries(inherited), COALMINE_REPORTS: state, ...environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said = [];
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const service = {
    started,
    child,
    control: undefined,
    base: undefined,
    async stop() {
      const timer = setTimeout(() => child.kill("SIGKILL"), 15_000);
      child.kill("SIGTERM");
      await ended;
      clearTimeout(timer);
      rmSync(state, { recursive: true, force: true });
    },
    /** Switches a fault of the sandbox. */
    async fault(name, isOn) {
      const answer = await fetch(`${service.control}/faults/${name}`, { method: isOn ? "PUT" : "DELETE" });
      if (!answer.ok) throw new Error(`the fault ${name} cannot be switched: ${answer.status} ${await answer.text()}`);
    },
    /** Does something while no run of the canary is in flight: a run that is half in one world shows anything. */
    async between(canary, change) {
      const post = async (path, body) => {
        const answer = await fetch(`${service.base}/${path}`, { method: "POST", body, redirect: "manual" });
        if (answer.status >= 400) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      };
      await post(`canaries/${canary}/pause`, new URLSearchParams({ reason: "the world changes" }));
      // Joins the run in flight, if there is one.
      await post(`run/${canary}`);
      await change();
      await post(`canaries/${canary}/resume`);
    },
  };
  await new Promise((resolve, reject) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      said.push(line);
      service.control ??= line.match(/^faults are switched at (http:\S+)$/)?.[1];
      service.base ??= line.match(/^the status page is at (http:\S+?)\/$/)?.[1];
      if (service.base) resolve();
    });
    ended.then(() => reject(new Error(`the service ended at once:\n${said.join("\n")}`)));
  });
  return service;
}
