/** Logins to a registry that misbehaves, and lists of what it has. */
import { inspect } from "node:util";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isMarmitaError } from "../../lib/errors.ts";
import { Registries } from "../../lib/registry/registries.ts";
import { type FaultProxy, startFaultProxy } from "../helpers/fault-proxy.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import type { Misdeed } from "../helpers/registry-misdeeds.ts";
import type { Stage } from "../helpers/registry-stages.ts";
import { requireRegistry, startRegistry } from "../helpers/registry.ts";

const canRun = requireRegistry();
const LOGIN = { username: "ana", password: "quindim-de-coco" };
const STAGES: readonly Stage[] = ["ping", "token", "catalog"];

describe.runIf(canRun)("a registry that is asked who may come in, or what it has, and", () => {
  expectNothingLeft();

  let proxy: FaultProxy;
  let registries: Registries;

  beforeAll(async () => {
    const { url } = await startRegistry();
    proxy = await startFaultProxy(url, { auth: LOGIN });
  });
  beforeEach(async () => {
    proxy.clear();
    const timeouts = { connectMs: 2_000, headersMs: 300, idleMs: 300 };
    registries = await Registries.open({
      registries: { registries: { [proxy.host]: { timeouts } } },
      sleep: async () => undefined,
    });
  });
  afterEach(() => registries.close());

  const cases = (
    [
      ["ends the connection", { kind: "reset" }, "UNAVAILABLE", true],
      ["answers nothing", { kind: "silence" }, "UNAVAILABLE", true],
      ["sends headers without end", { kind: "endless-headers" }, "UNAVAILABLE", true],
      ["speaks no HTTP", { kind: "garbage" }, "UNAVAILABLE", false],
      ["answers 500", { kind: "status", status: 500 }, "UNAVAILABLE", true],
      ["answers 401", { kind: "status", status: 401 }, "UNAUTHORIZED", false],
      ["answers 403", { kind: "status", status: 403 }, "DENIED", false],
      ["answers 404", { kind: "status", status: 404 }, "NOT_FOUND CORRUPT UNSUPPORTED", false],
      ["answers 418", { kind: "status", status: 418 }, "CORRUPT", false],
    ] as const satisfies readonly (readonly [string, Misdeed, string, boolean])[]
  ).flatMap(([title, does, codes, isPassing]) =>
    STAGES.map((at) => ({ title, does, codes: codes.split(" "), isPassing, at })),
  );

  it.each(cases)("always $title, is told of: $at", async ({ does, codes, at }) => {
    proxy.misbehave({ at, does, times: Infinity });

    const ended = await endOf(at);

    expect(codes, ended.shown).toContain(ended.code);
    expect(proxy.secrets.filter((secret) => ended.shown.includes(secret))).toEqual([]);
    expect(proxy.seen.some(({ fault }) => fault === does.kind)).toBe(true);
    expect(proxy.seen.length).toBeLessThan(20);
  });

  it.each(cases.filter(({ isPassing }) => isPassing))(
    "$title for a moment, is asked again: $at",
    async ({ does, at }) => {
      proxy.misbehave({ at, does });

      expect(await endOf(at)).toMatchObject({ code: "right" });
      expect(proxy.seen.some(({ fault }) => fault === does.kind)).toBe(true);
    },
  );

  /** `right`, or the code of the error, and all it shows. */
  async function endOf(at: Stage): Promise<{ readonly code: string; readonly shown: string }> {
    try {
      if (at === "catalog") await all(registries.catalog(proxy.host, { auth: LOGIN }));
      else await registries.check(proxy.host, { auth: LOGIN });
      return { code: "right", shown: "" };
    } catch (error) {
      const shown = inspect(error, { depth: 20, showHidden: true });
      return { code: isMarmitaError(error) ? error.code : "none", shown };
    }
  }
});

async function all(names: AsyncIterable<string>): Promise<void> {
  for await (const _ of names);
}
