import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../helpers/folder.ts";
import { busyboxArchive } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { PROGRAM } from "./cli-command.ts";

const canRun = requireUserNamespaces() && requireProgram("unshare");
expectNothingLeft();

/** Mounts a small file system as data root, loads into it and tells what is left of images. */
const SCRIPT = `
  mount -t tmpfs -o size=$SIZE,mode=700 tmpfs "$MARMITA_ROOT" || exit 99
  "$NODE" "$PROGRAM" load -i "$ARCHIVE" 2>&1
  echo "exit code $?"
  cd "$MARMITA_ROOT"
  find images layers ! -type d ! -name oci-layout ! -name index.json | wc -l
  find . -name ".draft-*"
`;

describe.runIf(canRun)("a full disk", () => {
  it.each([
    ["while the archive is unpacked", "1m"],
    ["while a layer is unpacked", "3m"],
  ])("%s is an error with its cause, and leaves nothing", async (_, size) => {
    const env = {
      ...process.env,
      SIZE: size,
      MARMITA_ROOT: await temporaryFolder(),
      NODE: process.execPath,
      PROGRAM,
      ARCHIVE: busyboxArchive(),
    };
    const namespace = ["--user", "--map-root-user", "--mount"];

    const { stdout } = spawnSync("unshare", [...namespace, "sh", "-c", SCRIPT], {
      env,
      encoding: "utf8",
    });

    expect(stdout).toMatch(/: no space left on device\n/);
    expect(stdout).toMatch(/\nexit code 1\n0\n$/);
  });
});
