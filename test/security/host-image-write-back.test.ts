/** Image `host`: whatever a container does to the machine's files stays in the container. */
import { chmod, mkdir, readFile, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { RunResult } from "../../lib/engine/options.ts";
import { testEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("a container of the machine itself", () => {
  expectNothingLeft();

  let engine: Engine;
  let folder: string;

  beforeEach(async () => {
    engine = await testEngine();
    folder = await temporaryFolder();
    await writeFile(join(folder, "kept"), "as it was");
    await chmod(join(folder, "kept"), 0o600);
    await mkdir(join(folder, "directory"));
    await writeFile(join(folder, "directory/inner"), "inner");
    await symlink("kept", join(folder, "link"));
  });

  it.each([
    ["writes into a file", "echo changed > kept; cat kept", "changed\n"],
    ["writes through a link", "echo changed > link; cat kept", "changed\n"],
    ["writes through its own descriptor", "exec 9<kept; echo changed > /proc/self/fd/9; cat kept"],
    ["changes modes", "chmod 6777 kept; stat -c %a kept", "6777\n"],
    ["removes and puts something else there", "rm kept; mkdir kept; ls -d kept", "kept\n"],
    ["moves things about", "mv directory/inner kept; cat kept", "inner"],
    ["makes new files", "echo new > new; ln new hard; cat hard", "new\n"],
    ["truncates", ": > kept; wc -c < kept", "0\n"],
  ])("that %s leaves the machine's files alone", async (_, script, expected = "changed\n") => {
    const before = await state();

    const { stdout } = await inside(script);

    expect(stdout).toBe(expected);
    expect(await state()).toEqual(before);
  });

  it("finds no trace of the data root, where containers' files are", async () => {
    const { stdout } = await inside(
      `ls -A '${engine.root}'; ls -A /var/tmp/marmita-$(id -u) | wc -l`,
    );

    expect(stdout).toBe("0\n");
    await expect(inside(`: > '${engine.root}/file'`)).resolves.not.toMatchObject({ exitCode: 0 });
  });

  it("cannot make what is bound into it writable", async () => {
    const script = `
      grep -E ' ro[, ]' /proc/self/mountinfo | cut -d' ' -f5 | while read -r path; do
        unshare -Urm mount -o remount,rw,bind "$path" && echo "writable: $path"
        unshare -Urm umount "$path" && echo "gone: $path"
      done
      exit 0`;

    const { stdout, exitCode } = await inside(script);

    expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 0 });
  });

  function inside(script: string): Promise<RunResult> {
    return run("host", ["sh", "-c", script], { engine, workdir: folder, remove: true });
  }

  async function state(): Promise<unknown> {
    const { mode, ino, size, mtimeMs, nlink } = await stat(join(folder, "kept"));
    return {
      kept: { mode, ino, size, mtimeMs, nlink, text: await readFile(join(folder, "kept"), "utf8") },
      names: await readdir(folder, { recursive: true }),
      inner: await readFile(join(folder, "directory/inner"), "utf8"),
    };
  }
});
