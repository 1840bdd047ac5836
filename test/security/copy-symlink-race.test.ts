/**
 * A container exchanges directories for links to the machine's while files are copied into it and
 * out of it (CVE-2018-15664 of `docker cp`), and what came out once is copied over again.
 */
import { lstatSync, readFileSync, readdirSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { beforeAll, describe, expect, it } from "vitest";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import type { Container } from "../../lib/engine/container.ts";
import { isMarmitaError } from "../../lib/errors.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { eventually, lineOf } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { readTar } from "../helpers/tar-reader.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const COPIES = 24;
const AT_ONCE = 4;

describe.runIf(requireUserNamespaces())("a container whose directories become links", () => {
  expectNothingLeft();

  let engine: Engine;
  /** On the machine, and named by the links. */
  let outside: string;
  let folder: string;

  beforeAll(async () => {
    engine = await busyboxEngine();
    outside = await temporaryFolder();
    folder = await temporaryFolder();
    await writeFile(join(outside, "secret"), "of the machine");
    await writeFile(join(folder, "mine"), "mine");
    await mkdir(join(folder, "tree/spot"), { recursive: true });
    await writeFile(join(folder, "tree/spot/secret"), "mine");
  });

  /** A container that does nothing else, from the time on when it does. */
  async function exchanging(): Promise<Container> {
    const script = `mkdir -p /x; cd /x; mkdir real; echo inside > real/secret
      ln -s ${outside} link; echo ready
      while :; do
        mv real spot; mv spot real
        mv link spot; mv spot link
      done`;
    const { container, process } = await engine.containers.createAndStart(
      { image: "busybox", command: ["sh", "-c", script], network: "none" },
      { stderr: "ignore" },
    );
    if (process.stdout === undefined) throw new Error("no output");
    await lineOf(process.stdout, /ready/);
    return container;
  }

  async function many(copy: (round: number) => Promise<unknown>): Promise<number> {
    let came = 0;
    for (let round = 0; round < COPIES; round += AT_ONCE) {
      const copies = Array.from({ length: AT_ONCE }, (_, at) =>
        copy(round + at).then(
          () => came++,
          (error: unknown) => {
            if (!isMarmitaError(error)) throw error;
          },
        ),
      );
      await Promise.all(copies);
    }
    return came;
  }

  it("has nothing copied out of itself", async () => {
    const container = await exchanging();

    const came =
      (await many(() => container.copyInto("/x/spot/mine", join(folder, "mine")))) +
      (await many(() => container.copyInto("/x", join(folder, "tree/.")))) +
      (await many(() => container.copyInto("/x/spot/", join(folder, "tree/spot/."))));
    await container.remove({ force: true });

    expect(came).toBeGreaterThan(0);
    expect(readdirSync(outside)).toEqual(["secret"]);
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe("of the machine");
  });

  it("gives nothing of the machine's", async () => {
    const container = await exchanging();
    const seen = new Set<string>();
    const read = async (path: string, followLinks: boolean) => {
      const stream = new PassThrough();
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      await container.copyOut(path, stream, { followLinks });
      for (const { content, type } of readTar(Buffer.concat(chunks))) {
        if (type === "file") seen.add(content.toString());
      }
    };

    const came =
      (await many(() => read("/x/spot/secret", false))) +
      (await many(() => read("/x/spot", true))) +
      (await many(() => read("/x", false)));
    await container.remove({ force: true });

    expect(came).toBeGreaterThan(0);
    expect([...seen]).toEqual(["inside\n"]);
  });

  it("does not lead what is copied twice through what came the first time", async () => {
    const first = await engine.containers.create({
      image: "busybox",
      command: ["sh", "-c", `mkdir /x && ln -s ${outside} /x/spot`],
      network: "none",
    });
    await (await first.start()).wait();
    const second = await engine.containers.create({
      image: "busybox",
      command: ["sh", "-c", "mkdir -p /x/spot && echo evil > /x/spot/secret && echo evil > /x/own"],
      network: "none",
    });
    await (await second.start()).wait();
    const target = await temporaryFolder();

    await first.copyOut("/x", target);
    const again = second.copyOut("/x", target);

    await expect(again).rejects.toMatchObject({ code: "INVALID_ARGUMENT", errno: "ENOTDIR" });
    expect(lstatSync(join(target, "x/spot")).isSymbolicLink()).toBe(true);
    expect(await readFile(join(outside, "secret"), "utf8")).toBe("of the machine");
    await first.remove();
    await second.remove();
  });

  it("sees nobody who copies, and cannot look into him", async () => {
    const script = `echo ready; while :; do
        for p in /proc/[0-9]*; do
          case $(tr '\\0' ' ' < $p/cmdline 2>/dev/null) in
            marmita-init\\ copy-to*) ls -l $p/fd $p/cwd/ $p/root/ 2>&1; readlink $p/exe; echo seen;;
          esac
        done; done`;
    const { container, process } = await engine.containers.createAndStart(
      {
        image: "busybox",
        command: ["sh", "-c", script],
        network: "none",
        pid: "host",
        capAdd: ["SYS_PTRACE"],
      },
      { stderr: "ignore" },
    );
    if (process.stdout === undefined) throw new Error("no output");
    await lineOf(process.stdout, /ready/);
    const chunks: Buffer[] = [];
    process.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    const shown = () => Buffer.concat(chunks).toString();

    const slow = new PassThrough();
    slow.write(tarArchive([{ path: "mine", content: "x".repeat(600) }]).subarray(0, 1_024));
    const copying = container.copyInto("/tmp", slow);
    await eventually("a look at the copy", () => (/seen\n/.test(shown()) ? true : undefined));
    slow.end(tarArchive([{ path: "mine", content: "x".repeat(600) }]).subarray(1_024));
    await copying;
    await container.remove({ force: true });

    expect(shown()).not.toMatch(/->|bin\/marmita|secret/);
    expect(shown()).toMatch(/ermission denied/);
  });
});
