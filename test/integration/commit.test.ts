import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { commit } from "../../lib/api/commit.ts";
import { tag } from "../../lib/api/images.ts";
import { run } from "../../lib/api/run.ts";
import type { CreateOptions } from "../../lib/engine/container-options.ts";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import { isChildOf } from "../../lib/images/parent.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { eventually, lineOf } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { script } from "../helpers/script.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const EPOCH = 1_700_000_000;

describe.runIf(requireUserNamespaces())("an image made of a container", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeEach(async () => {
    engine = await busyboxEngine();
  });

  /** The id of a container that ran these lines. */
  async function container(text: string, options: Partial<CreateOptions> = {}): Promise<string> {
    const { id, exitCode, stderr } = await run("busybox", ["sh", "-c", text], {
      engine,
      network: "none",
      ...options,
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    return id;
  }

  async function sh(image: string, text: string): Promise<string> {
    const { stdout, stderr } = await run(image, ["sh", "-c", text], {
      engine,
      network: "none",
      remove: true,
    });
    return stdout + stderr;
  }

  it("has what the container wrote, and not what it deleted", async () => {
    const id = await container(
      "mkdir -m 750 /a; echo feijoada > /a/lunch; rm -r /home; ln /a/lunch /l",
    );

    const { names } = await commit(id, "mine", { engine });

    expect(names).toEqual(["mine:latest"]);
    expect(await sh("mine", "cat /l; stat -c '%a %h' /a /l; ls -d /home")).toBe(
      "feijoada\n750 2\n644 2\nls: /home: No such file or directory\n",
    );
    expect(await sh("busybox", "ls -d /home /a")).toBe(
      "/home\nls: /a: No such file or directory\n",
    );
  });

  it("takes no room for a hole", async () => {
    const id = await container("dd if=/dev/zero of=/hole bs=1 count=0 seek=64M 2>/dev/null");

    await commit(id, "mine", { engine });

    const layers = join(engine.root, "layers");
    const holes = readdirSync(layers)
      .map((layer) => statSync(join(layers, layer, "diff", "hole"), { throwIfNoEntry: false }))
      .filter((found) => found !== undefined);
    expect(holes.map(({ size }) => size)).toEqual([2 ** 26]);
    expect(holes[0]?.blocks).toBeLessThan(2 ** 20 / 512);
    expect(await sh("mine", "tr -d '\\0' < /hole | wc -c; stat -c %s /hole")).toBe("0\n67108864\n");
  });

  it("is unpacked at once, and shows its size", async () => {
    const id = await container("head -c 100000 /dev/zero > /zeros");
    const base = await engine.images.get("busybox");

    await commit(id, "mine", { engine });

    const { layers, size } = await engine.images.get("mine");
    const { chainId } = layers.at(-1)!;
    expect(readdirSync(join(engine.root, "layers"))).toContain(chainId.slice("sha256:".length));
    expect(size - base.size).toBeGreaterThan(100_000);
    expect(size - base.size).toBeLessThan(110_000);
  });

  it("is a child of the container's image, with its line of history", async () => {
    const id = await container("touch /a");
    const base = await engine.images.get("busybox");

    await commit(id, "mine", { engine, author: "Ana", message: "with a" });

    const { config } = await engine.images.get("mine");
    expect(isChildOf(config, base.config)).toBe(true);
    expect(config.author).toBe("Ana");
    expect(config.history.at(-1)).toMatchObject({
      created_by: "sh -c touch /a",
      author: "Ana",
      comment: "with a",
    });
  });

  it("does what the container did, but for the changes", async () => {
    // Of one id there is nobody but root.
    const user = (await engine.info()).ids === "single" ? "0:0" : "7:8";
    const id = await container("touch /tmp/a", {
      env: { A: "1", B: "2" },
      workdir: "/srv/x",
      labels: { course: "main" },
      user,
      stopSignal: "SIGINT",
      hostname: "stove",
    });

    await commit(id, "mine", {
      engine,
      changes: ['CMD ["id"]', "ENV B=$A$A C=3", "WORKDIR y", "LABEL a=b", "EXPOSE 80"],
    });

    const { config } = await engine.images.get("mine");
    expect(config.config).toMatchObject({
      Cmd: ["id"],
      Env: expect.arrayContaining(["A=1", "B=11", "C=3"]),
      WorkingDir: "/srv/x/y",
      Labels: { course: "main", a: "b" },
      User: user,
      StopSignal: "SIGINT",
      ExposedPorts: { "80/tcp": {} },
    });
    expect(JSON.stringify(config.config)).not.toContain("stove");
  });

  it("needs no name, and takes one from another image", async () => {
    const id = await container("touch /a");
    const base = await engine.images.get("busybox");

    const nameless = await commit(id, undefined, { engine });
    expect(nameless.names).toEqual([]);
    expect(await sh(nameless.id, "ls /a")).toBe("/a\n");

    await commit(id, "busybox", { engine });
    expect(await sh("busybox", "ls /a")).toBe("/a\n");
    expect((await engine.images.get(base.id)).names).toEqual([]);
  });

  it("has no layer of its own where nothing was written", async () => {
    const base = await engine.images.get("busybox");
    const id = await container("true");

    await commit(id, "same", { engine, changes: ["ENV A=1"] });

    const image = await engine.images.get("same");
    expect(image.layers).toEqual(base.layers);
    expect(image.config.history.at(-1)).toMatchObject({ empty_layer: true });
    expect(await sh("same", "echo $A")).toBe("1\n");
  });

  it("is the same of the same content, with a date of its own", async () => {
    const made: { id: string; digest: string }[] = [];
    for (const pause of [0, 1.1]) {
      const options = { hostname: "stove" };
      const id = await container(`sleep ${pause}; mkdir /a; echo x > /a/b`, options);
      const { id: image, digest } = await commit(id, undefined, {
        engine,
        sourceDateEpoch: EPOCH,
        changes: ['CMD ["sh"]'],
        message: "twice",
      });
      const { config } = await engine.images.get(image);
      made.push({ id: String(config.rootfs.diff_ids.at(-1)), digest });
      expect(config.created).toBe("2023-11-14T22:13:20Z");
      expect(await sh(image, "stat -c %Y /a/b")).toBe(`${EPOCH}\n`);
    }
    expect(made[1]?.id).toBe(made[0]?.id);
  });

  it("can be the base of another", async () => {
    await commit(await container("echo 1 > /a; mkdir /d; touch /d/x"), "one", { engine });
    const next = await run("one", ["sh", "-c", "rm -r /d; mkdir /d; echo 2 >> /a"], { engine });

    await commit(next.id, "two", { engine });

    expect(await sh("two", "cat /a; ls -A /d")).toBe("1\n2\n");
    const [two, one] = [await engine.images.get("two"), await engine.images.get("one")];
    expect(isChildOf(two.config, one.config)).toBe(true);
    expect(two.layers).toHaveLength(one.layers.length + 1);
  });

  it.each(["gzip", "zstd", "none"] as const)("is compressed as asked: %s", async (compression) => {
    const id = await container("head -c 100000 /dev/zero > /zeros");

    await commit(id, "mine", { engine, compression });

    const { descriptor } = (await engine.images.get("mine")).layers.at(-1)!;
    const suffix = compression === "none" ? "" : `+${compression}`;
    expect(descriptor.mediaType).toBe(`application/vnd.oci.image.layer.v1.tar${suffix}`);
    expect(descriptor.size > 50_000).toBe(compression === "none");
    expect(await sh("mine", "wc -c < /zeros")).toBe("100000\n");
  });

  it("leaves out what is mounted", async () => {
    const id = await container("touch /vol/a /tmp/b /etc/hosts /c", {
      mounts: [
        { type: "volume", target: "/vol" },
        { type: "tmpfs", target: "/tmp" },
      ],
    });

    await commit(id, "mine", { engine });

    expect(await sh("mine", "ls /vol/a /tmp/b /c 2>/dev/null")).toBe("/c\n");
    expect((await engine.images.get("mine")).config.config.Volumes).toEqual({ "/vol": {} });
  });

  it("is of one moment, though the container runs", async () => {
    const { container: box, process } = await engine.containers.createAndStart({
      image: "busybox",
      command: [
        "sh",
        "-c",
        "i=0; echo ready; while :; do i=$((i+1)); echo $i > /z; echo $i > /a; done",
      ],
      network: "none",
    });
    await lineOf(process.stdout!, /ready/);

    for (let round = 0; round < 5; round++) {
      const { id } = await box.commit();
      const [z = 0, a = 0] = (await sh(id, "cat /z /a")).split("\n").map(Number);
      // One of them may be written, or just opened, when all stands still.
      expect(z === a || z === a + 1 || z === 0 || a === 0).toBe(true);
    }
    await process[Symbol.asyncDispose]();
  });

  it("leaves a container going, whoever was killed while committing it", async () => {
    const { container: box, process } = await engine.containers.createAndStart({
      image: "busybox",
      command: ["sh", "-c", "head -c 200000000 /dev/urandom > /noise; echo ready; exec sleep 60"],
      network: "none",
    });
    await lineOf(process.stdout!, /ready/);
    const state = () =>
      /^State:\s+(\S)/m.exec(readFileSync(`/proc/${process.pid}/status`, "utf8"))?.[1];

    await using owner = script(
      engine.root,
      `await marmita.commit(${JSON.stringify(box.id)}, "mine", { root }); console.log("over");`,
    );
    await eventually("a pause", () => (state() === "T" ? true : undefined), 10_000);
    owner.child.kill("SIGKILL");
    await owner.ended;

    await eventually("the container going on", () => (state() === "S" ? true : undefined));
    expect(await engine.images.find("mine")).toBeUndefined();
    await process[Symbol.asyncDispose]();
    await using _next = await openEngine({ root: engine.root });
    await commit(box.id, "mine", { engine, compression: "none" });
    expect(await sh("mine", "wc -c < /noise")).toBe("200000000\n");
  });

  it("packs no further when whoever waits for it was killed", async () => {
    const id = await container("dd if=/dev/zero of=/hole bs=1 count=0 seek=256G 2>/dev/null");
    const packing = () =>
      readdirSync("/proc").some((pid) => {
        return commandOf(pid).startsWith(`marmita-init\0pack\0--userns\0${engine.root}`);
      });

    await using owner = script(
      engine.root,
      `await marmita.commit(${JSON.stringify(id)}, "mine", { root });`,
    );
    await eventually("a helper that packs", () => packing() || undefined, 10_000);
    owner.child.kill("SIGKILL");
    await owner.ended;

    await expect.poll(packing).toBe(false);
  });

  it("leaves nothing when it is aborted", async () => {
    const id = await container("head -c 50000000 /dev/urandom > /noise");
    const before = readdirSync(join(engine.root, "images/blobs/sha256")).toSorted();
    const abort = new AbortController();

    const committing = commit(id, "mine", { engine, signal: abort.signal });
    setTimeout(() => abort.abort(), 30);

    await expect(committing).rejects.toMatchObject({ name: "AbortError" });
    expect(readdirSync(join(engine.root, "images/blobs/sha256")).toSorted()).toEqual(before);
    expect(readdirSync(join(engine.root, "images")).toSorted()).toEqual([
      "blobs",
      "index.json",
      "oci-layout",
    ]);
    expect(await engine.images.find("mine")).toBeUndefined();
  });

  it("cannot be made of image host, nor of no container", async () => {
    const host = await run("host", ["true"], { engine });

    await expect(commit(host.id, "mine", { engine })).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("image host cannot become an image"),
      hint: expect.any(String),
    });
    await expect(commit("nobody", "mine", { engine })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("is refused with the option that is wrong", async () => {
    const id = await container("touch /a");
    const wrong = [
      [{ changes: ["RUN x"] }, "RUN is not one of"],
      [{ changes: "CMD x" }, '"changes"'],
      [{ pause: "yes" }, '"pause"'],
      [{ compression: "xz" }, '"compression"'],
      [{ sourceDateEpoch: 1.5 }, '"sourceDateEpoch"'],
      [{ squash: true }, '"squash"'],
    ] as const;
    for (const [options, message] of wrong) {
      await expect(commit(id, "mine", { engine, ...(options as object) })).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining(message),
      });
    }
    expect(await engine.images.find("mine")).toBeUndefined();
  });

  it("has each of the names it is given", async () => {
    const { id, digest } = await commit(await container("touch /a"), "mine:1", { engine });

    await tag(id.slice("sha256:".length, "sha256:".length + 12), "mine:2", { engine });
    await tag(`mine@${digest}`, "registry.example.com:5000/lunch/mine", { engine });
    await tag(digest, "mine:3", { engine });

    expect((await engine.images.get(id)).names).toEqual([
      "mine:1",
      "mine:2",
      "registry.example.com:5000/lunch/mine:latest",
      "mine:3",
    ]);
    await expect(tag("mine:1", `mine@${digest}`, { engine })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    await expect(tag("nobody", "mine:4", { engine })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // gone, or no process
  }
}
