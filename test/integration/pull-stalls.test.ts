/** Many pulls at once, as the program that asks for them feels it. */
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { putBusybox } from "../helpers/pulling.ts";
import { requireRegistry, startRegistry } from "../helpers/registry.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const WORKER = fileURLToPath(new URL("../../bench/pull-worker.mjs", import.meta.url));
const MIB = 1024 * 1024;
const AT_ONCE = 20;
const LONGEST_MS = 50;

interface Told {
  /** The longest that the event loop worked without a turn for others. */
  readonly burstMs: number;
}

describe.runIf(requireUserNamespaces() && requireRegistry())("20 pulls at once", () => {
  expectNothingLeft();

  it("never keep the event loop from others for 50 ms", async () => {
    const registry = await startRegistry();
    const names: string[] = [];
    for (let at = 0; at < AT_ONCE; at++) {
      const layers = [MIB, 1_000 + at];
      names.push((await putBusybox(registry, { repository: `box${at}`, layers })).name);
    }
    const root = join(await temporaryFolder(), "root");

    const { stdout } = await promisify(execFile)(process.execPath, [WORKER, root, "0", ...names]);

    const { burstMs } = JSON.parse(stdout) as Told;
    expect(burstMs).toBeLessThan(LONGEST_MS);
    // Three layers of each, and busybox, which they share.
    expect(readdirSync(join(root, "layers"))).not.toHaveLength(0);
  });
});
