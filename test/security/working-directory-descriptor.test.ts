/**
 * Descriptors that a runtime forgets to close: a working directory below /proc/self/fd led out of
 * the container through one of them, and so did /proc/1/fd from inside (CVE-2024-21626).
 */
import { closeSync, openSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { RunOptions } from "../../lib/engine/options.ts";
import { testEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { probeArchive } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { parseReport } from "../helpers/probe.ts";
import { hostCannot, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const THREE = ["0", "1", "2"];

describe.runIf(requireUserNamespaces())("descriptors of the machine", () => {
  expectNothingLeft();

  let engine: Engine;
  let folder: string;
  let open: readonly number[];

  beforeAll(async () => {
    engine = await testEngine();
    await engine.images.load(probeArchive());
    folder = await temporaryFolder();
    open = Array.from({ length: 4 }, () => openSync("/", "r"));
  });

  afterAll(() => {
    for (const fd of open) closeSync(fd);
  });

  function report(options: RunOptions) {
    return run("probe", ["probe", "report"], { engine, remove: true, ...options });
  }

  const ways: readonly (readonly [string, () => RunOptions])[] = [
    ["a network of its own", () => ({})],
    ["none", () => ({ network: "none" })],
    ["an init", () => ({ init: true, network: "none" })],
    ["the machine's processes", () => ({ pid: "host", network: "host" })],
    ["privileges", () => ({ privileged: true, network: "none" })],
    [
      "mounts of all kinds",
      () => ({
        network: "none",
        readOnly: true,
        mounts: [
          { type: "bind", source: folder, target: "/bound" },
          { type: "volume", source: "kept", target: "/kept" },
          { type: "volume", target: "/anonymous" },
          { type: "tmpfs", target: "/scratch" },
        ],
      }),
    ],
  ];

  it.each(ways)("do not reach a command with %s", async (_way, options) => {
    const { stdout } = await report(options());

    expect(Object.keys(parseReport(stdout).fds)).toEqual(THREE);
  });

  it("do not reach a command with another user", async (context) => {
    const { ids } = await engine.info();
    if (ids === "single") context.skip(hostCannot("run a command as another user", "one id only"));

    const { stdout } = await report({ user: "1000:1000", network: "none" });

    expect(Object.keys(parseReport(stdout).fds)).toEqual(THREE);
  });

  it("do not reach a command in another container's namespaces", async () => {
    const { container } = await engine.containers.createAndStart({
      image: "probe",
      command: ["probe", "stay"],
      network: "none",
      remove: true,
    });
    await using other = container;
    const from: `container:${string}` = `container:${other.id}`;

    const { stdout } = await report({ pid: from, ipc: from, network: from });

    expect(Object.keys(parseReport(stdout).fds)).toEqual(THREE);
  });

  it("are no working directory", async () => {
    const numbers = Array.from({ length: 12 }, (_, number) => number);

    const outcomes = await Promise.allSettled(
      numbers.map((number) => report({ network: "none", workdir: `/proc/self/fd/${number}` })),
    );

    const steps = outcomes.map((one) =>
      one.status === "rejected" ? (one.reason as { step?: string }).step : one.value.stdout,
    );
    expect(new Set(steps)).toEqual(new Set(["workdir"]));
  });
});
