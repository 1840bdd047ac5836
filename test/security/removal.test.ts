/** What a container leaves in its files against whoever removes them. */
import { readFileSync, readdirSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("removing a container", () => {
  expectNothingLeft();

  let engine: Engine;
  let outside: string;

  beforeEach(async () => {
    engine = await busyboxEngine();
    outside = await temporaryFolder();
    await mkdir(join(outside, "directory"));
    await writeFile(join(outside, "directory/file"), "precious");
  });

  const scripts = [
    ["links to the machine's files", 'ln -s "$OUTSIDE" /a; ln -s "$OUTSIDE/directory" /etc/b'],
    ["a link in the place of its root's parent", "ln -s .. /up; ln -s ../.. /tmp/up"],
    ["directories nobody may enter", "mkdir -p /a/b/c; : > /a/b/c/d; chmod 0 /a/b/c /a/b /a"],
    [
      "a tree of 400 levels",
      "i=0; while [ $i -lt 400 ]; do mkdir d; cd d; i=$((i+1)); done; : > f",
    ],
    ["names that deleters use", "mkdir -p .removed-0-0/x; cd .removed-0-0; mkdir .removed-0-1"],
    ["odd names", "cd /tmp; mkdir -- '-rf' '*' ' ' ' .'; : > \"$(printf 'a\\nb\\377')\""],
    ["setuid files and fifos", "mkfifo /p; cp /bin/busybox /s; chmod 7777 /s; : > /tmp/x"],
    [
      "lower files removed and replaced",
      "rm -rf /etc; mkdir /etc; ln -s / /etc/passwd; rm /home -r",
    ],
    [
      "a swap that never ends",
      "mkdir a; (while :; do mv a b; ln -s /mnt a; rm a; mv b a; done) & sleep 0.1",
    ],
  ] as const;

  it.each(scripts)("with %s takes it all, and nothing else", async (_, script) => {
    const env = { OUTSIDE: outside };
    const mounts = [{ type: "bind", source: outside, target: "/mnt" }] as const;

    const kept = await run("busybox", ["sh", "-c", script], { engine, env, mounts });
    await (await engine.containers.get(kept.id)).remove();
    await run("busybox", ["sh", "-c", script], { engine, env, mounts, remove: true });

    for (const kind of ["containers", "names", "live", "trash"]) {
      expect(readdirSync(join(engine.root, kind))).toEqual([]);
    }
    expect(readFileSync(join(outside, "directory/file"), "utf8")).toBe("precious");
    expect(readFileSync(join(engine.root, "images/oci-layout"), "utf8")).toContain("1.0.0");
  });
});
