/** 10,000 configurations by chance, half of them broken: compiled, or refused by name. */
import { describe, expect, it } from "vitest";
import { isMarmitaError } from "../../../lib/errors.ts";
import { decodePlan, encodePlan } from "../../../lib/native/plan.ts";
import { parseRuntimeSpec } from "../../../lib/oci/parse-runtime-spec.ts";
import { type BundleIdHost, chooseBundleIds } from "../../../lib/runtime/bundle-ids.ts";
import { compileBundle } from "../../../lib/runtime/compile-bundle.ts";
import { fuzzConfig } from "../../helpers/spec-fuzz.ts";

const COUNT = 10_000;

const SUBIDS = [
  { inside: 0, outside: 1500, size: 1 },
  { inside: 1, outside: 100_000, size: 65_536 },
];

function host(capabilities: string): BundleIdHost {
  return {
    uid: 1500,
    gid: 1500,
    read: (path) => {
      if (path.endsWith("_map")) return Promise.resolve("0 0 4294967295\n");
      const status = `CapPrm:\t${capabilities}\nCapEff:\t${capabilities}\n`;
      return Promise.resolve(path.endsWith("status") ? status : "allow\n");
    },
    hasProgram: () => Promise.resolve(true),
    choose: () =>
      Promise.resolve({ mode: "subids", uids: SUBIDS, gids: SUBIDS, setgroups: true } as const),
  };
}

const HOSTS = [host("0000000000000000"), host("000001ffffffffff")];

/** What became of it: `compiled`, or the property it was refused for. */
async function outcome(text: string, seed: number): Promise<string> {
  try {
    const { spec, ids } = await chooseBundleIds(parseRuntimeSpec(text), HOSTS[seed % 2]);
    const { plan } = compileBundle(spec, {
      id: "fuzz",
      bundle: "/bundle",
      ids,
      execFifo: "/state/exec.fifo",
      preserveFds: 0,
      noPivot: false,
      noNewKeyring: false,
      filters: "/state",
      hookState: () => '{"pid":',
    });
    decodePlan(encodePlan(plan));
    return "compiled";
  } catch (error) {
    if (isMarmitaError(error, "INVALID_ARGUMENT") || isMarmitaError(error, "UNSUPPORTED")) {
      const { field } = error.details;
      if (typeof field === "string") return field === "" ? "text" : field;
    }
    throw new Error(`seed ${seed}: ${text}`, { cause: error });
  }
}

describe("configurations by chance", () => {
  it("are compiled, or refused with the property named", { timeout: 60_000 }, async () => {
    const outcomes = new Map<string, number>();
    for (let seed = 0; seed < COUNT; seed++) {
      const one = await outcome(fuzzConfig(seed).text, seed);
      const name = one.replaceAll(/\[[^\]]*\]/g, "[]");
      outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
    }

    // It is no test of parser and compiler where nearly all is refused, or nothing.
    expect(outcomes.get("compiled")).toBeGreaterThan(COUNT / 4);
    expect(outcomes.size).toBeGreaterThan(50);
  });
});
