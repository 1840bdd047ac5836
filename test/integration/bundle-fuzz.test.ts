/**
 * Configurations by chance, run: each does, or is refused by name, or fails with the step that did.
 * How many is up to MARMITA_FUZZ, the first seed to MARMITA_FUZZ_SEED.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import { runtime } from "../../lib/api/runtime.ts";
import { isMarmitaError } from "../../lib/errors.ts";
import { fillRootfs } from "../helpers/bundles.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { fuzzConfig } from "../helpers/spec-fuzz.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const COUNT = Number(process.env["MARMITA_FUZZ"] ?? 300);
const FIRST_SEED = Number(process.env["MARMITA_FUZZ_SEED"] ?? 0);
const AT_ONCE = 4;
/** Longer than any of them takes, also on a machine that does much else. */
const TIMEOUT_MS = 20_000;

/** Filters under which the first process cannot say what fails, or is ended before. */
const SILENCED = /"defaultAction":"SCMP_ACT_(?!ALLOW|LOG)/;

const able = requireUserNamespaces();

interface Mount {
  readonly type?: unknown;
  readonly source?: unknown;
  readonly options?: unknown;
}

/** Root of this machine must not be asked for what would be done to more than the test's files. */
function isHarmless(bundle: string, text: string): boolean {
  let config: { root?: { path?: unknown }; mounts?: readonly (Mount | null)[] };
  try {
    config = JSON.parse(text) as typeof config;
  } catch {
    return true; // it is not going far
  }
  const isOurs = (path: unknown) => {
    return typeof path !== "string" || resolve(bundle, path).startsWith(`${bundle}/`);
  };
  const mounts = Array.isArray(config.mounts) ? config.mounts : [];
  return (
    isOurs(config.root?.path) &&
    mounts.every((mount) => {
      const { type, source, options } = mount ?? {};
      const isRemount = Array.isArray(options) && options.includes("remount");
      return !isRemount && !String(type).startsWith("cgroup") && (source === "" || isOurs(source));
    })
  );
}

describe("configurations by chance", () => {
  expectNothingLeft();

  let folder: string;

  beforeAll(async () => {
    folder = await temporaryFolder();
    if (!able) return;
    for (let index = 0; index < AT_ONCE; index++) makeBundle(join(folder, String(index)));
  });

  it("run, or are refused with the property named", { timeout: COUNT * 2_000 }, async () => {
    if (!able) return;
    const outcomes = new Map<string, number>();
    const seeds = Array.from({ length: COUNT }, (_, index) => FIRST_SEED + index).values();
    const work = async (bundle: string) => {
      for (const seed of seeds) {
        const name = await outcome(bundle, seed);
        outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
      }
    };
    await Promise.all(
      Array.from({ length: AT_ONCE }, (_, index) => work(join(folder, String(index)))),
    );

    expect(await runtime.list({ root: join(folder, "state") })).toEqual([]);
    expect(outcomes.get("ran")).toBeGreaterThan(COUNT / 10);
    expect(outcomes.get("refused")).toBeGreaterThan(COUNT / 10);
  });

  async function outcome(bundle: string, seed: number): Promise<string> {
    const { text } = fuzzConfig(seed);
    if (!isHarmless(bundle, text)) return "left out";
    const config = join(bundle, "config.json");
    writeFileSync(config, text);
    const options = { root: join(folder, "state"), cgroupManager: "disabled" } as const;
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      await runtime.run(`fuzz-${seed}`, bundle, { ...options, signal });
      return "ran";
    } catch (error) {
      if (isMarmitaError(error) && typeof error.details["field"] === "string") return "refused";
      const isTold = isMarmitaError(error, "START_FAILED") && error.step !== undefined;
      if (isTold || (isMarmitaError(error, "START_FAILED") && SILENCED.test(text))) return "failed";
      throw new Error(`seed ${seed}: ${text}`, { cause: error });
    }
  }
});

function makeBundle(bundle: string): void {
  fillRootfs(join(bundle, "rootfs"), busyboxLayer());
  mkdirSync(join(bundle, "source"));
  writeFileSync(join(bundle, "source/file"), "file\n");
}
