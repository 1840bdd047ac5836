import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { CreateOptions } from "../../lib/engine/container-options.ts";
import type { Container } from "../../lib/engine/container.ts";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import { removeContainers } from "../helpers/containers.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { lineOf } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

/** Ends by itself when it is asked to; says so when it can be. */
const POLITE = [
  "sh",
  "-c",
  "trap 'exit 3' TERM; trap 'exit 4' INT; echo; while :; do sleep 0.02; done",
];
const DEAF = ["sh", "-c", "trap '' TERM INT; echo; while :; do sleep 0.02; done"];

expectNothingLeft();

let engine: Engine;

beforeAll(async () => {
  if (requireUserNamespaces()) engine = await busyboxEngine();
});

afterEach(() => removeContainers(engine));

type Asked = Omit<CreateOptions, "image" | "command">;

/** In the background, when it has printed its first line: then its traps are set. */
async function started(command: readonly string[], options: Asked = {}): Promise<Container> {
  const container = await engine.containers.create({
    image: "busybox",
    network: "none",
    ...options,
    command,
  });
  const process = await container.start({ stdout: "pipe" });
  if (process.stdout !== undefined) await lineOf(process.stdout, /^/);
  await process.detach();
  return container;
}

describe.runIf(requireUserNamespaces())("a container that is stopped", () => {
  it("is asked to end first", async () => {
    const box = await started(POLITE);

    await box.stop();

    expect(await box.state()).toMatchObject({ status: "exited", exitCode: 3 });
  });

  it.each(["SIGINT", "int", "2", 2])("is asked by the signal %j", async (stopSignal) => {
    const box = await started(POLITE);

    await box.stop({ stopSignal });

    expect(await box.state()).toMatchObject({ status: "exited", exitCode: 4 });
  });

  it("is asked by the signal it was made with, or its image", async () => {
    const box = await started(POLITE, { stopSignal: "SIGINT" });
    await box.stop();
    expect(await box.state()).toMatchObject({ exitCode: 4 });

    const { id } = await box.commit("asks-by-int", { changes: ["STOPSIGNAL INT"] });
    const child = await engine.containers.createAndStart({ image: id, network: "none" });
    if (child.process.stdout !== undefined) await lineOf(child.process.stdout, /^/);
    await child.container.stop();
    expect(await child.process.wait()).toMatchObject({ exitCode: 4 });
    await child.container.remove();
    await engine.images.remove("asks-by-int");
  });

  it("is killed when it does not end in time", async () => {
    const box = await started(DEAF);

    const begun = performance.now();
    await box.stop({ timeoutMs: 150 });

    expect(performance.now() - begun).toBeGreaterThanOrEqual(145);
    expect(await box.state()).toMatchObject({ status: "exited", exitCode: 137 });
  });

  it("is killed at once without time, or with what it was made with", async () => {
    const one = await started(DEAF);
    await one.stop({ timeoutMs: 0 });
    expect(await one.state()).toMatchObject({ exitCode: 137 });

    const other = await started(DEAF, { stopTimeoutMs: 50 });
    await other.stop();
    expect(await other.state()).toMatchObject({ exitCode: 137 });
  });

  it("may take as long as it wants", async () => {
    const box = await started(DEAF);
    const abort = new AbortController();

    const stopping = box.stop({ timeoutMs: -1, signal: abort.signal });
    const refused = expect(stopping).rejects.toMatchObject({ name: "AbortError" });
    expect(await Promise.race([stopping, box.state()])).toMatchObject({ status: "running" });
    abort.abort();

    await refused;
    expect(await box.state()).toMatchObject({ status: "running" });
  });

  it("is killed in time though nobody waits for it any more", async () => {
    const box = await started(DEAF);
    const signal = AbortSignal.timeout(50);

    await expect(box.stop({ timeoutMs: 400, signal })).rejects.toMatchObject({
      name: "AbortError",
    });

    expect(await box.state()).toMatchObject({ status: "running" });
    expect(await box.wait()).toEqual({ exitCode: 137 });
  });

  it("and does not run is as it should be", async () => {
    const box = await engine.containers.create({ image: "busybox", command: ["true"] });
    await box.stop();
    expect(await box.state()).toMatchObject({ status: "created" });

    await (await box.start()).wait();
    await box.stop();
    expect(await box.state()).toMatchObject({ status: "exited", exitCode: 0 });

    await box.remove();
    await expect(box.stop()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("is gone with remove", async () => {
    // What is kept has a log, and with it goes through its keeper: it can be detached.
    const box = await started(POLITE, { remove: true, log: { driver: "k8s-file" } });

    await box.stop();

    expect(await engine.containers.find(box.id)).toBeUndefined();
  });

  it("by many at once is stopped for all of them", async () => {
    const box = await started(POLITE);
    const others = await Promise.all([1, 2, 3].map(() => openEngine({ root: engine.root })));

    const stops = others.map(async (one) => (await one.containers.get(box.id)).stop());
    await Promise.all([...stops, box.stop(), box.stop({ timeoutMs: 0 })]);

    expect(await box.state()).toMatchObject({ status: "exited" });
    for (const one of others) await one.close();
  });

  it("is told of by the process that started it", async () => {
    const { process, container } = await engine.containers.createAndStart({
      image: "busybox",
      command: POLITE,
      network: "none",
    });
    if (process.stdout !== undefined) await lineOf(process.stdout, /^/);

    await container.stop();

    expect(await process.wait()).toEqual({ exitCode: 3, signal: null });
  });

  it.each([
    [{ stopSignal: "SIGNOTHING" }, /"stopSignal" to be a signal/],
    [{ stopSignal: 65 }, /"stopSignal" to be a signal/],
    [{ timeoutMs: -2 }, /"timeoutMs" to be a whole number/],
    [{ timeoutMs: 0.5 }, /"timeoutMs" to be a whole number/],
  ])("with %j is refused", async (options, message) => {
    const box = await engine.containers.create({ image: "busybox" });

    await expect(box.stop(options)).rejects.toThrow(message);
  });
});

describe.runIf(requireUserNamespaces())("a container that is sent a signal", () => {
  it("gets it, and may go on", async () => {
    const command = [
      "sh",
      "-c",
      "trap 'echo got it' USR1; echo begun; while :; do sleep 0.02; done",
    ];
    const { process, container } = await engine.containers.createAndStart({
      image: "busybox",
      command,
      network: "none",
    });
    const { stdout } = process;
    if (stdout === undefined) throw new Error("no stdout");
    await lineOf(stdout, /begun/);

    await container.kill("USR1");

    await lineOf(stdout, /got it/);
    expect(await container.state()).toMatchObject({ status: "running" });
    await container.kill();
    expect(await process.wait()).toMatchObject({ exitCode: 137, signal: "SIGKILL" });
  });

  it("SIGKILL unless said, has ended when that resolves", async () => {
    const box = await started(DEAF);

    await box.kill();

    expect(await box.state()).toMatchObject({ status: "exited", exitCode: 137 });
  });

  it("and does not run is refused", async () => {
    const box = await engine.containers.create({ image: "busybox", name: "idle" });

    for (const name of ["KILL", "TERM", 9] as const) {
      await expect(box.kill(name)).rejects.toMatchObject({
        code: "CONFLICT",
        message: "container idle is not running",
        details: { container: box.id, state: "created" },
      });
    }
    await expect(box.kill("SIGNOTHING")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await box.remove();
    await expect(box.kill()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("by many at once is dead for all of them", async () => {
    const box = await started(DEAF);

    const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => box.kill()));

    const reasons = outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    for (const reason of reasons) expect(reason).toMatchObject({ code: "CONFLICT" });
    expect(reasons.length).toBeLessThan(4);
    expect(await box.state()).toMatchObject({ status: "exited", exitCode: 137 });
  });
});
