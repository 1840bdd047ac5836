import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { beforeEach, describe, expect, it } from "vitest";
import type { Engine } from "../../lib/engine/engine.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { script } from "../helpers/script.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const SLEEP = ["sleep", "60"];

describe.runIf(requireUserNamespaces())("containers", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeEach(async () => {
    engine = await busyboxEngine();
  });

  describe("when made", () => {
    it("have what was asked for, and are not started", async () => {
      const box = await engine.containers.create({
        image: "busybox",
        command: ["echo", "oi"],
        name: "lunch",
        labels: { course: "main" },
      });

      expect(box.record).toMatchObject({
        id: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
        name: "lunch",
        image: { name: "busybox", id: expect.stringMatching(/^sha256:/) as string },
        command: ["echo", "oi"],
        labels: { course: "main" },
        remove: false,
      });
      expect(await box.state()).toEqual({ status: "created" });
    });

    it("get a name when none is given", async () => {
      const box = await engine.containers.create({ image: "busybox" });

      expect(box.name).toMatch(/^[a-z]+_[a-z]+$/);
    });

    it("are refused a name that is taken, and nothing is left of them", async () => {
      const first = await engine.containers.create({ image: "busybox", name: "lunch" });

      await expect(
        engine.containers.create({ image: "busybox", name: "lunch" }),
      ).rejects.toMatchObject({
        code: "ALREADY_EXISTS",
        details: { name: "lunch", container: first.id },
      });

      expect(await readdir(join(engine.root, "containers"))).toEqual([first.id]);
      expect(await readdir(join(engine.root, "live"))).toEqual([]);
    });

    it("get a name once, whoever asks at the same time", async () => {
      const asked = Array.from({ length: 8 }, () =>
        engine.containers.create({ image: "busybox", name: "lunch" }),
      );

      const settled = await Promise.allSettled(asked);

      expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect(await engine.containers.list()).toHaveLength(1);
    });

    it("may have a name that was given back", async () => {
      const first = await engine.containers.create({ image: "busybox", name: "lunch" });
      await first.remove();

      const second = await engine.containers.create({ image: "busybox", name: "lunch" });

      expect((await engine.containers.get("lunch")).id).toBe(second.id);
    });
  });

  describe("when made and started as one", () => {
    it("run, and go with their process", async () => {
      const options = { image: "busybox", command: ["cat"], remove: true };
      const told: string[] = [];

      const { container, process } = await engine.containers.createAndStart(options, {
        stdin: "pipe",
        onCreated: (id) => told.push(id),
      });

      expect(told).toEqual([container.id]);
      process.stdin?.end("oi");
      expect(await text(process.stdout ?? Readable.from([]))).toBe("oi");
      expect(await process.wait()).toEqual({ exitCode: 0, signal: null });
      expect(await engine.containers.list()).toEqual([]);
    });

    it("are not kept with remove when whoever is told of them fails", async () => {
      const fault = new Error("no room for the id");
      const starting = engine.containers.createAndStart(
        { image: "busybox", remove: true },
        {
          onCreated: () => {
            throw fault;
          },
        },
      );

      await expect(starting).rejects.toBe(fault);
      expect(await engine.containers.list()).toEqual([]);
    });
  });

  describe("are found", () => {
    it("by name, by id and by the start of an id", async () => {
      const { id } = await engine.containers.create({ image: "busybox", name: "lunch" });

      for (const asked of ["lunch", id, id.slice(0, 12), id.slice(0, 4)]) {
        expect((await engine.containers.get(asked)).id).toBe(id);
      }
    });

    it("unless there is none", async () => {
      await expect(engine.containers.get("lunch")).rejects.toMatchObject({
        code: "NOT_FOUND",
        message: "no such container: lunch",
      });
      expect(await engine.containers.find("../../etc/passwd")).toBeUndefined();
    });

    it("unless there are several", async () => {
      const boxes = [];
      const starts = new Set<string>();
      let twice: string | undefined;
      while (twice === undefined) {
        const box = await engine.containers.create({ image: "busybox", remove: true });
        boxes.push(box);
        const start = box.id.slice(0, 1);
        twice = starts.has(start) ? start : undefined;
        starts.add(start);
      }

      await expect(engine.containers.get(twice)).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining(
          `"${twice}" is the start of 2 containers' ids: `,
        ) as string,
      });
    });
  });

  describe("when listed", () => {
    it("come newest first, each with its state", async () => {
      await engine.containers.create({ image: "busybox", name: "first" });
      await engine.containers.run("busybox", ["false"], { name: "second" });
      const third = await engine.containers.create({
        image: "busybox",
        command: SLEEP,
        name: "third",
        network: "none",
      });
      await using process = await third.start();

      const list = await engine.containers.list();

      expect(list.map(({ name, state }) => [name, state])).toEqual([
        ["third", { status: "running", pid: process.pid, startedAt: anyTime() }],
        ["second", { status: "exited", exitCode: 1, startedAt: anyTime(), finishedAt: anyTime() }],
        ["first", { status: "created" }],
      ]);
    });
  });

  describe("when started", () => {
    it("have streams, a pid and an end", async () => {
      const box = await engine.containers.create({
        image: "busybox",
        command: ["sh", "-c", "cat; echo err >&2; exit 3"],
      });

      await using process = await box.start({ stdin: "pipe" });
      const [stdout, stderr] = [textOf(process.stdout), textOf(process.stderr)];
      process.stdin?.end("in");

      expect(await process.wait()).toEqual({ exitCode: 3, signal: null });
      expect([await stdout, await stderr]).toEqual(["in", "err\n"]);
      expect(await box.state()).toMatchObject({ status: "exited", exitCode: 3 });
    });

    it("take signals", async () => {
      const box = await engine.containers.create({
        image: "busybox",
        command: [
          "sh",
          "-c",
          "trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 1; done",
        ],
      });
      await using process = await box.start();
      let output = "";
      for await (const chunk of process.stdout ?? []) {
        output += String(chunk);
        if (output === "ready\n") process.kill("SIGTERM");
      }

      expect(output).toBe("ready\ncaught\n");
      expect(await process.wait()).toEqual({ exitCode: 5, signal: null });
      expect(() => process.kill()).not.toThrow();
    });

    it("again have what they wrote before", async () => {
      const box = await engine.containers.create({
        image: "busybox",
        command: ["sh", "-c", "echo line >> /log; cat /log"],
      });
      await (await box.start({ stdout: "ignore" })).wait();

      await using process = await box.start();

      expect(await textOf(process.stdout)).toBe("line\nline\n");
      expect(await process.wait()).toMatchObject({ exitCode: 0 });
    });

    it("twice at once are refused", async () => {
      const box = await engine.containers.create({ image: "busybox", command: SLEEP });
      await using _process = await box.start();

      await expect(box.start()).rejects.toMatchObject({ code: "CONFLICT" });
    });

    it("without success stay created, with the reason", async () => {
      const box = await engine.containers.create({ image: "busybox", command: ["nope"] });

      await expect(box.start()).rejects.toMatchObject({
        code: "START_FAILED",
        details: { exitCode: 127 },
      });

      expect(await box.state()).toEqual({
        status: "created",
        exitCode: 127,
        error: expect.stringContaining("nope") as string,
        finishedAt: anyTime(),
      });
    });

    it("end with the signal they were started with", async () => {
      const box = await engine.containers.create({ image: "busybox", command: SLEEP });
      const abort = new AbortController();
      const process = await box.start({ signal: abort.signal });

      abort.abort();

      expect(await process.wait()).toEqual({ exitCode: 137, signal: "SIGKILL" });
      await process[Symbol.asyncDispose]();
    });

    it("after they were removed are refused", async () => {
      const box = await engine.containers.create({ image: "busybox" });
      await box.remove();

      await expect(box.start()).rejects.toMatchObject({ code: "NOT_FOUND" });
      await expect(box.state()).rejects.toMatchObject({ code: "NOT_FOUND" });
      expect(await readdir(join(engine.root, "live"))).toEqual([]);
    });
  });

  describe("when removed", () => {
    it("are gone with all they wrote", async () => {
      const { id } = await engine.containers.run("busybox", ["mkdir", "-p", "/a/b/c"]);

      await engine.containers.remove(id);

      for (const kind of ["containers", "names", "live", "trash"]) {
        expect(await readdir(join(engine.root, kind))).toEqual([]);
      }
    });

    it("while they run are refused, unless by force", async () => {
      const box = await engine.containers.create({ image: "busybox", command: SLEEP });
      await using process = await box.start();

      await expect(box.remove()).rejects.toMatchObject({
        code: "CONFLICT",
        details: { state: "running" },
      });
      await box.remove({ force: true });

      expect(await process.wait()).toMatchObject({ exitCode: 137 });
      expect(await engine.containers.list()).toEqual([]);
    });

    it("by force may run under another process", async () => {
      await using _owner = script(
        engine.root,
        'await marmita.run("busybox", ["sleep", "60"], { root, name: "far" });',
      );
      const box = await eventually("the container", async () => {
        const found = await engine.containers.find("far");
        return (await found?.state())?.status === "running" ? found : undefined;
      });

      await box.remove({ force: true });

      expect(await engine.containers.list()).toEqual([]);
    });

    it("are not there to be inspected", async () => {
      const box = await engine.containers.create({ image: "busybox" });
      await box.remove();

      await expect(box.inspect()).rejects.toMatchObject({ code: "NOT_FOUND" });
    });

    it("twice are removed once", async () => {
      const box = await engine.containers.create({ image: "busybox" });

      await Promise.all([box.remove(), box.remove(), box.remove()]);

      expect(await engine.containers.list()).toEqual([]);
    });
  });

  it("keep their image from being removed", async () => {
    await engine.containers.create({ image: "busybox", name: "lunch" });

    await expect(engine.images.remove("busybox")).rejects.toMatchObject({
      code: "CONFLICT",
      message: expect.stringContaining("lunch") as string,
    });
  });

  it("run on when their image lost its name by force", async () => {
    const box = await engine.containers.create({ image: "busybox", command: ["echo", "oi"] });
    await engine.images.remove("busybox", { force: true });

    await using process = await box.start();

    expect(await textOf(process.stdout)).toBe("oi\n");
  });

  it("are inspected in Docker's words", async () => {
    const box = await engine.containers.create({
      image: "busybox",
      command: ["echo", "oi"],
      name: "lunch",
      env: { A: "1" },
      user: "0",
      workdir: "/srv",
      network: "none",
      dns: ["192.0.2.53"],
      extraHosts: ["db:192.0.2.1"],
      mounts: [
        { type: "bind", source: "/etc", target: "/host-etc", readOnly: true },
        { type: "tmpfs", target: "/tmp", sizeBytes: 1024 },
      ],
    });

    expect(await box.inspect()).toMatchObject({
      Id: box.id,
      Name: "/lunch",
      Path: "echo",
      Args: ["oi"],
      State: { Status: "created", Running: false, StartedAt: "0001-01-01T00:00:00Z" },
      HostConfig: {
        Binds: ["/etc:/host-etc:ro"],
        NetworkMode: "none",
        Dns: ["192.0.2.53"],
        ExtraHosts: ["db:192.0.2.1"],
        Tmpfs: { "/tmp": "size=1024" },
      },
      Mounts: [
        { Type: "bind", Source: "/etc", Destination: "/host-etc", RW: false },
        { Type: "tmpfs", Destination: "/tmp", RW: true },
      ],
      Config: {
        Image: "busybox",
        User: "0",
        WorkingDir: "/srv",
        Env: expect.arrayContaining(["A=1"]) as unknown,
        Cmd: ["echo", "oi"],
        Entrypoint: null,
      },
    });
  });
});

function textOf(stream: Readable | undefined): Promise<string> {
  return text(stream ?? Readable.from([]));
}

function anyTime(): string {
  return expect.stringMatching(/^20\d\d-.*T.*Z$/) as string;
}
