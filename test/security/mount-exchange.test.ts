/**
 * A container exchanges directories for links out of a volume while others start that mount below
 * them, or a part of the volume (CVE-2021-30465; of parts, CVE-2017-1002101 in Kubernetes).
 */
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { Mount } from "../../lib/engine/mounts.ts";
import type { RunningProcess } from "../../lib/runtime/process.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { lineOf } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const STARTS = 80;
const AT_ONCE = 4;

describe.runIf(requireUserNamespaces())("a volume whose directories become links", () => {
  expectNothingLeft();

  let engine: Engine;
  /** On the machine, and named by the links. */
  let outside: string;
  let source: string;

  beforeAll(async () => {
    engine = await busyboxEngine();
    outside = await temporaryFolder();
    source = await temporaryFolder();
    await mkdir(join(outside, "below"));
    await writeFile(join(outside, "secret"), "of the machine");
    await writeFile(join(outside, "below", "secret"), "of the machine");
    await writeFile(join(source, "mine"), "");
  });

  /** A container that does nothing else, from the time on when it does. */
  async function exchanging(name: string): Promise<RunningProcess> {
    const script = `cd /v; mkdir -p real/below; ln -s ${outside} link; echo ready
      while :; do
        mv real swap; mv link real; mv real link; mv swap real
        rm -rf spot; mv real spot; mv link real; mv real link; mv spot real
        ln -sfn ${outside} spot; rm spot; mkdir -p spot/below
      done`;
    const { process } = await engine.containers.createAndStart(
      {
        image: "busybox",
        command: ["sh", "-c", script],
        network: "none",
        remove: true,
        mounts: [{ type: "volume", source: name, target: "/v" }],
      },
      { stderr: "ignore" },
    );
    if (process.stdout === undefined) throw new Error("no output");
    await lineOf(process.stdout, /ready/);
    return process;
  }

  /** What each start saw or why it failed. */
  async function manyStarts(mounts: readonly Mount[], script: string): Promise<readonly string[]> {
    const seen: string[] = [];
    const starting = async () => {
      while (seen.length < STARTS) {
        const options = { engine, remove: true, network: "none", mounts } as const;
        const result = run("busybox", ["sh", "-c", script], options);
        seen.push(
          await result.then(
            ({ stdout }) => stdout,
            (error: unknown) => `failed: ${error instanceof Error ? error.message : ""}`,
          ),
        );
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, starting));
    return seen;
  }

  it.each(["real", "spot"])("leads no mount below %s out of the container", async (directory) => {
    await using _swapper = await exchanging(`below-${directory}`);

    const seen = await manyStarts(
      [
        { type: "volume", source: `below-${directory}`, target: "/m" },
        { type: "bind", source, target: `/m/${directory}/below/new` },
      ],
      `ls /m/${directory}/below/new /m/${directory} 2>&1; cat /m/*/secret 2>&1`,
    );

    expect(seen.filter((text) => text.includes("of the machine"))).toEqual([]);
    expect(await readdir(outside)).toEqual(["below", "secret"]);
    expect(await readdir(join(outside, "below"))).toEqual(["secret"]);
    expect(await readdir(source)).toEqual(["mine"]);
  });

  it.each(["real", "spot", "real/below"])("shows nothing of the machine as %s", async (subpath) => {
    const name = `part-${subpath.replace("/", "-")}`;
    await using _swapper = await exchanging(name);

    const seen = await manyStarts(
      [{ type: "volume", source: name, target: "/m", subpath }],
      "ls -a /m; cat /m/secret 2>&1; echo seen",
    );

    expect(seen.filter((text) => text.includes("of the machine"))).toEqual([]);
    expect(seen.some((text) => text.endsWith("seen\n"))).toBe(true);
  });
});
