/** An image cannot have a container keep its caller's groups, nor anything else crun obeys. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../lib/engine/engine.ts";
import { testEngine } from "../helpers/engine.ts";
import { busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { hostCannot, requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("an image with labels that crun obeys", () => {
  expectNothingLeft();

  let engine: Engine;
  beforeAll(async () => {
    engine = await testEngine();
    const labels = { "run.oci.keep_original_groups": "1", "run.oci.handler": "krun" };
    await engine.images.load(busyboxWith({ name: "bossy", config: { Labels: labels } }));
  });

  it("has its own groups all the same", async (context) => {
    const { ids } = await engine.info();
    if (ids === "single") context.skip(hostCannot("drop groups", "one id only is mapped"));

    const { stdout } = await engine.containers.run("bossy", ["id", "-G"], { remove: true });

    expect(stdout.trim()).toBe("0");
  });

  it("has none of these as annotations", async () => {
    const container = await engine.containers.create({ image: "bossy", annotations: { a: "b" } });
    const { Config, HostConfig } = await container.inspect();
    await container.remove();

    expect(Config.Labels).toHaveProperty(["run.oci.handler"], "krun");
    expect(HostConfig.Annotations).toEqual({ a: "b" });
  });
});
