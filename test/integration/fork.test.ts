/** Forks: containers over what another one has written. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { CreateOptions } from "../../lib/engine/container-options.ts";
import type { Container } from "../../lib/engine/container.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { ForkOptions } from "../../lib/engine/fork-options.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { lineOf } from "../helpers/eventually.ts";
import { subordinateIdsFault } from "../helpers/ids.ts";
import { busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const DATABASE = busyboxWith({
  name: "database",
  config: { Volumes: { "/data": {} } },
  layers: [[{ path: "data/file", content: "of the image" }]],
});

const NONE = Readable.from([]);

/** An id inside that is not root, where there is one. */
const OTHER = subordinateIdsFault() === undefined || process.getuid?.() === 0 ? "33" : "0";

describe.runIf(requireUserNamespaces())("a fork", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
    await engine.images.load(DATABASE);
  });

  /** A container that ran these lines, and stopped. */
  async function prepared(
    script: string,
    options: Partial<CreateOptions> = {},
    by: Engine = engine,
  ): Promise<Container> {
    const { image = "busybox", ...rest } = options;
    const { id, stderr } = await run(image, ["sh", "-c", script], {
      network: "none",
      ...rest,
      engine: by,
    });
    expect(stderr).toBe("");
    return by.containers.get(id);
  }

  /** What these lines print in a container that is started for them. */
  async function sh(container: Container, text: string): Promise<string> {
    const forked = await container.fork({ command: ["sh", "-c", `exec 2>&1; ${text}`] });
    const printed = await printedBy(forked);
    await forked.remove({ volumes: true });
    return printed;
  }

  async function printedBy(container: Container): Promise<string> {
    await using process = await container.start();
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdout ?? []) chunks.push(chunk as Buffer);
    await process.wait();
    return Buffer.concat(chunks).toString();
  }

  const snapshots = () => readdir(join(engine.root, "snapshots"));

  it("has the files of its container", async () => {
    const box = await prepared(`
      mkdir -m 750 /a; echo feijoada > /a/lunch; ln /a/lunch /l; rm -r /home; rm -rf /var; mkdir /var
      touch /var/new; chown ${OTHER}:${OTHER} /a/lunch; chmod 711 /`);

    expect(
      await sh(box, "cat /l; stat -c '%a %u' / /a; stat -c '%h %u' /l; ls -d /home; ls -A /var"),
    ).toBe(`feijoada\n711 0\n750 0\n2 ${OTHER}\nls: /home: No such file or directory\nnew\n`);
    await box.remove();
  });

  it("and its container go ways of their own", async () => {
    const box = await prepared("echo 0 > /f; echo keep > /k");
    const one = await box.fork({ command: ["sh", "-c", "echo 1 >> /f; rm /k"] });
    const two = await box.fork({ command: ["sh", "-c", "echo 2 >> /f"] });
    await printedBy(one);
    await printedBy(two);

    expect(await sh(box, "cat /f /k")).toBe("0\nkeep\n");
    expect(await sh(one, "cat /f /k")).toBe(
      "0\n1\ncat: can't open '/k': No such file or directory\n",
    );
    expect(await sh(two, "cat /f /k")).toBe("0\n2\nkeep\n");
    for (const container of [box, one, two]) await container.remove();
  });

  it("costs a directory the first time, and nothing after that", async () => {
    const before = await snapshots();
    const box = await prepared("echo a > /f");

    const forks = [await box.fork(), await box.fork(), await box.fork()];

    expect((await snapshots()).length).toBe(before.length + 1);
    for (const container of [box, ...forks]) await container.remove();
    expect(await snapshots()).toEqual(before);
  });

  it("leaves nothing, in whatever order they go", async () => {
    const before = await snapshots();
    const box = await prepared("echo a > /f");
    const fork = await box.fork({ command: ["sh", "-c", "echo b >> /f"] });
    await printedBy(fork);
    const last = await fork.fork({ remove: true, command: ["cat", "/f"] });
    await box.remove();
    await fork.remove();

    expect((await snapshots()).length).toBe(before.length + 2);
    expect(await printedBy(last)).toBe("a\nb\n");
    expect(await snapshots()).toEqual(before);
    expect(await readdir(join(engine.root, "trash"))).toEqual([]);
  });

  it("is taken of one that runs, which goes on", async () => {
    const box = await engine.containers.create({
      image: "busybox",
      network: "none",
      command: ["sh", "-c", "echo before > /f; rm -r /home; echo ready; read x; echo $x; cat /f"],
    });
    await using process = await box.start({ stdin: "pipe" });
    await lineOf(process.stdout ?? Readable.from([]), /ready/);

    const fork = await box.fork({ command: ["sh", "-c", "cat /f; echo mine > /f; ls /home 2>&1"] });

    expect(await printedBy(fork)).toBe("before\nls: /home: No such file or directory\n");
    process.stdin?.end("go on\n");
    expect((await process.wait()).exitCode).toBe(0);
    expect(await sh(box, "cat /f")).toBe("before\n");
    await box.remove();
    await fork.remove();
  });

  it("has what its container was made with, but for what it is given", async () => {
    const box = await prepared("true", {
      name: "asked",
      env: { A: "1", B: "1" },
      labels: { a: "1" },
      workdir: "/tmp",
      user: OTHER,
      hostname: "host-of-it",
      mounts: [{ type: "tmpfs", target: "/t" }],
      readOnly: true,
    });
    const given: ForkOptions = {
      env: { B: "2" },
      labels: { b: "2" },
      command: ["sh", "-c", "echo $A $B $(id -u) $(pwd) $(hostname); touch /x /t/x 2>&1"],
    };

    const fork = await box.fork(given);

    expect(fork.name).not.toBe("asked");
    expect(fork.record.labels).toEqual({ a: "1", b: "2" });
    expect(await printedBy(fork)).toBe(
      `1 2 ${OTHER} /tmp host-of-it\ntouch: /x: Read-only file system\n`,
    );
    await box.remove();
    await fork.remove();
  });

  it("begins with what is in the anonymous volumes, and shares those with a name", async () => {
    const box = await prepared(
      `echo own > /data/file; chown ${OTHER} /data/file; echo all > /named/file`,
      {
        image: "database",
        mounts: [{ type: "volume", source: "shared", target: "/named" }],
      },
    );
    const script =
      "cat /data/file /named/file; stat -c %u /data/file; echo two | tee /data/file >/named/file";

    const fork = await box.fork({ command: ["sh", "-c", script] });

    expect(await printedBy(fork)).toBe(`own\nall\n${OTHER}\n`);
    expect(await sh(box, "cat /data/file /named/file")).toBe("own\ntwo\n");
    await fork.remove({ volumes: true });
    await box.remove({ volumes: true });
  });

  it("of one that was never started is another one like it", async () => {
    const box = await engine.containers.create({ image: "busybox", network: "none", remove: true });

    const fork = await box.fork({ command: ["echo", "hello"] });

    expect(await printedBy(fork)).toBe("hello\n");
    await box.remove();
    expect(await engine.containers.find(fork.id)).toBeUndefined();
  });

  it("may be forked in its turn, as often as there is room for layers", async () => {
    let box = await prepared("echo 0 > /count");
    for (let count = 1; count <= 5; count++) {
      const next = await box.fork({ command: ["sh", "-c", `echo ${count} >> /count`] });
      await printedBy(next);
      await box.remove();
      box = next;
    }

    expect(await sh(box, "cat /count")).toBe("0\n1\n2\n3\n4\n5\n");
    await box.remove();
    expect(await snapshots()).toEqual([]);
  });

  it("is one of many, taken at once by many", async () => {
    const box = await prepared("echo a > /f");

    const forks = await Promise.all(
      Array.from({ length: 20 }, () => box.fork({ remove: true, command: ["cat", "/f"] })),
    );

    expect(await Promise.all(forks.map(printedBy))).toEqual(forks.map(() => "a\n"));
    expect((await snapshots()).length).toBe(1);
    await box.remove();
    expect(await snapshots()).toEqual([]);
  });

  it("of the machine's own files has what was written to them", async () => {
    const box = await prepared("echo mine > /etc/of-marmita; mkdir /etc/d", {
      image: "host",
    });

    expect(await sh(box, "cat /etc/of-marmita; ls /etc/d")).toBe("mine\n");
    await box.remove();
  });

  it("may be started at once, and goes when its process ends", async () => {
    const box = await prepared("echo a > /f");

    const { container, process } = await box.forkAndStart({ remove: true, command: ["cat", "/f"] });

    expect(container.record.remove).toBe(true);
    expect(await text(process.stdout ?? NONE)).toBe("a\n");
    expect(await process.wait()).toEqual({ exitCode: 0, signal: null });
    await expect(box.forkAndStart({ tty: true }, { stdin: "inherit" })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    await box.remove();
    expect(await engine.containers.list()).toEqual([]);
  });

  it("of a snapshot has the files of that moment, whatever its container does", async () => {
    const { container: box, process } = await engine.containers.createAndStart(
      {
        image: "database",
        network: "none",
        remove: true,
        command: [
          "sh",
          "-c",
          "echo 1 | tee /f > /data/file; echo up; read x; rm /f; echo gone; read x",
        ],
      },
      { stdin: "pipe" },
    );
    await lineOf(process.stdout ?? NONE, /up/);
    const snapshot = await engine.containers.snapshot(box.id);
    process.stdin?.write("\n");
    await lineOf(process.stdout ?? NONE, /gone/);

    const forks = await Promise.all(
      [1, 2, 3].map(() => snapshot.fork({ command: ["cat", "/f", "/data/file"] })),
    );

    expect(await Promise.all(forks.map(printedBy))).toEqual(["1\n1\n", "1\n1\n", "1\n1\n"]);
    const [held] = (await engine.containers.list()).filter(
      ({ image }) => image.name === "database",
    );
    await expect(engine.containers.remove(held?.id ?? "", { force: true })).rejects.toMatchObject({
      code: "CONFLICT",
    });
    const last = await snapshot.forkAndStart({ command: ["cat", "/f"] });
    await snapshot[Symbol.asyncDispose]();
    await snapshot[Symbol.asyncDispose]();
    expect(await text(last.process.stdout ?? NONE)).toBe("1\n");
    await last.process.wait();
    await process[Symbol.asyncDispose]();
    expect(await engine.containers.list()).toEqual([]);
    expect(await snapshots()).toEqual([]);
    expect(await readdir(join(engine.root, "volumes"))).toEqual(["shared"]);
  });

  it("and its container still say what they changed in their image, and become images", async () => {
    const box = await prepared(`
      mkdir /a; echo 1 > /a/one; echo 1 > /a/two; echo x > /etc/group; rm -r /home; rm /bin/wget`);
    const before = await box.diff();
    const fork = await box.fork({
      command: ["sh", "-c", "rm /a/one; echo 2 > /a/two; mkdir /home; echo 3 > /home/three"],
    });
    expect(await box.diff()).toEqual(before);
    await printedBy(fork);
    const whole = await prepared(`
      mkdir /a; echo 2 > /a/two; echo x > /etc/group; rm /bin/wget
      rm -r /home; mkdir /home; echo 3 > /home/three`);

    expect(await fork.diff()).toEqual(await whole.diff());
    const { id } = await fork.commit("forked");
    const { stdout } = await run(id, ["sh", "-c", "ls /a; cat /a/two /home/three; ls /bin/wget"], {
      engine,
      network: "none",
      remove: true,
    });
    expect(stdout).toBe("two\n2\n3\n");
    expect((await engine.images.get("forked"))?.layers).toHaveLength(3);
    for (const container of [box, fork, whole]) await container.remove();
    await engine.images.remove("forked");
  });

  it("refuses what it cannot be given, and a container that is gone", async () => {
    const box = await prepared("true");

    await expect(box.fork({ userns: "keep-id" } as ForkOptions)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    await expect(box.fork({ name: "?" })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(box.fork({ signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: "AbortError",
    });
    await box.remove();
    await expect(box.fork()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("keeps its options in its record, and no name of its container", async () => {
    const box = await prepared("true", { env: { A: "1" } });
    const text = await readFile(join(engine.root, "containers", box.id, "record.json"), "utf8");

    expect(JSON.parse(text)).toMatchObject({ options: { env: { A: "1" } } });
    await box.remove();
  });
});
