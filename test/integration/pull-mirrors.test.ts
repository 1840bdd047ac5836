/** Images pulled from a registry that has a mirror, good or bad. */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { testEngine } from "../helpers/engine.ts";
import { type FaultProxy, startFaultProxy } from "../helpers/fault-proxy.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type PutBusybox, putBusybox } from "../helpers/pulling.ts";
import type { Misdeed } from "../helpers/registry-misdeeds.ts";
import type { Stage } from "../helpers/registry-stages.ts";
import { type TestRegistry, requireRegistry, startRegistry } from "../helpers/registry.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const QUIET = { remove: true, network: "none" } as const;
const LAYER_BYTES = 1_000_000;

describe.runIf(requireUserNamespaces() && requireRegistry())("pull, with a mirror", () => {
  expectNothingLeft();

  let registry: TestRegistry;
  let box: PutBusybox;
  let mirror: FaultProxy;

  beforeAll(async () => {
    registry = await startRegistry();
    box = await putBusybox(registry, { layers: [LAYER_BYTES] });
    // Two ways to the same images: what is asked of the mirror, the mirror tells.
    mirror = await startFaultProxy(registry.url);
  });

  beforeEach(() => mirror.clear());

  async function engine() {
    const settings = { [registry.host]: { mirrors: [mirror.url] } };
    return testEngine({ registries: { registries: settings } });
  }

  it("takes all from the mirror, under the registry's name", async () => {
    const opened = await engine();
    const pulled = await opened.images.pull(box.name);

    expect(pulled).toMatchObject({ names: [box.name], digest: box.digest });
    expect(mirror.count("blob", "config")).toBe(box.layers.length + 1);
  });

  it.each<[string, Stage, Misdeed]>([
    ["has no manifest", "manifest-head", { kind: "status", status: 404 }],
    ["wants to know who asks", "manifest-head", { kind: "status", status: 401 }],
    ["is out of order", "manifest-digest", { kind: "status", status: 503 }],
    ["hangs up", "manifest-digest", { kind: "reset" }],
    ["breaks off in a manifest", "manifest-digest", { kind: "break", at: 0.5 }],
    ["changes a manifest", "manifest-digest", { kind: "flip", at: 0.5 }],
    ["changes a config", "config", { kind: "flip", at: 0.5 }],
    ["has no layers", "blob", { kind: "status", status: 404 }],
    ["breaks off in a layer", "blob", { kind: "break", at: 0.5 }],
    ["changes a layer", "blob", { kind: "flip", at: 0.9 }],
    ["lies about the size of a layer", "blob", { kind: "resize", by: -1 }],
  ])("brings the image when the mirror always %s", { timeout: 60_000 }, async (_, at, does) => {
    mirror.misbehave({ at, does, times: Infinity });
    const opened = await engine();

    const pulled = await opened.images.pull(box.name);

    expect(pulled.digest).toBe(box.digest);
    const { stdout } = await opened.containers.run(box.name, ["wc", "-c", "/0"], QUIET);
    expect(stdout).toBe(`${LAYER_BYTES} /0\n`);
  });
});
