/** Mounts that the host makes while a container runs: in a mount namespace of the test's own. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { finished } from "../helpers/command.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { type Cli, type Ended, PROGRAM, busyboxCli } from "./cli-command.ts";
import { temporaryFolder } from "../helpers/folder.ts";

const canUnshare = finished(["unshare", "-Urm", "true"]).status === 0;

describe.runIf(requireUserNamespaces() && canUnshare)("what the host mounts later", () => {
  expectNothingLeft();

  let cli: Cli;
  let folder: string;

  beforeAll(async () => {
    cli = await busyboxCli();
    folder = await temporaryFolder();
    await mkdir(join(folder, "source"));
  });

  /** Root of a namespace where `source` is a shared mount of its own, with something in it. */
  async function inContainer(options: string, propagation = "shared"): Promise<Ended> {
    const source = join(folder, "source");
    const script = join(folder, "script.sh");
    const inside = "echo ready; read line; ls /m/later; cat /m/later/file";
    const lines = [
      `set -e; cd ${folder}; rm -f in out; mkfifo in out`,
      `mount -t tmpfs source ${source}; mount --make-${propagation} ${source}; mkdir source/later`,
      `export MARMITA_ROOT=${cli.root}`,
      `${process.execPath} ${PROGRAM} run -i --rm --network host -v ${source}:/m${options} busybox \\`,
      `  sh -c '${inside}' < in > out 2>&1 &`,
      `exec 3> in 4< out; read line <&4; [ "$line" = ready ] || { echo "$line"; cat <&4; exit 1; }`,
      `mount -t tmpfs later source/later; echo content > source/later/file`,
      `echo go >&3; exec 3>&-; cat <&4; wait || true`,
    ];
    await writeFile(script, `${lines.join("\n")}\n`);
    const { status, stdout, stderr } = finished(["unshare", "-Urm", "bash", script]);
    return { exitCode: status, stdout, stderr };
  }

  it.each([":rslave", ":slave", ":rshared", ":shared"])("appears with %s", async (options) => {
    expect(await inContainer(options)).toMatchObject({ stdout: "file\ncontent\n" });
  });

  it.each(["", ":rprivate", ":private", ":runbindable", ":unbindable"])(
    "does not appear with %j",
    async (options) => {
      const { stdout } = await inContainer(options);

      expect(stdout).toContain("No such file");
      expect(stdout).not.toContain("content");
    },
  );

  it("is not waited for where it cannot come", async () => {
    const { stdout, stderr } = await inContainer(":rslave", "private");

    expect(stdout + stderr).toContain("it is not a shared or slave mount");
  });
});
