/**
 * What a bundle's root file system has in the place of /etc/passwd and /etc/group, where HOME is looked
 * up: the container's process, and one that is brought in, is who config.json says, waits for nothing,
 * and reads nothing of this machine.
 *
 * Red when read_accounts() in native/init/become.c opens without O_NONBLOCK and takes what is no regular
 * file: the pipe is waited for. A link without an end is one to no regular file, and a huge file is more
 * than PASSWD_MAX_BYTES.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import { runtime } from "../../lib/api/runtime.ts";
import { isMarmitaError } from "../../lib/errors.ts";
import type { RuntimeSpec } from "../../lib/oci/runtime-spec.ts";
import { fillRootfs } from "../helpers/bundles.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { BundleFolder } from "../helpers/oci-bundle.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const GIB = 1 << 30;
/** Without `id`, which would read the files itself. */
const SHOW = [
  "sh",
  "-c",
  "grep -E '^[UG]id' /proc/self/status | cut -f2 | xargs echo ids; echo $HOME",
];

describe.runIf(requireUserNamespaces())("a bundle's /etc/passwd that is", () => {
  let folder: BundleFolder;
  let rootfs: string;
  let secret: string;

  beforeAll(async () => {
    folder = await BundleFolder.open();
    rootfs = join(folder.folder, "own-rootfs");
    fillRootfs(rootfs, busyboxLayer());
    mkdirSync(join(rootfs, "etc"), { recursive: true });
    secret = join(await temporaryFolder(), "passwd");
    writeFileSync(secret, "root:x:0:0::/of/the/machine:/bin/sh\n");
  });
  expectNothingLeft();

  const cases: readonly (readonly [string, (path: string) => void])[] = [
    ["a pipe", (path) => void spawnSync("mkfifo", [path])],
    ["a directory", (path) => mkdirSync(path)],
    ["a link to a file of the machine", (path) => symlinkSync(secret, path)],
    ["a link by way of its /proc", (path) => symlinkSync(`/proc/1/root${secret}`, path)],
    ["a link by way of the helper's", (path) => symlinkSync(`/proc/self/root${secret}`, path)],
    ["a link to the helper", (path) => symlinkSync("/proc/self/exe", path)],
    ["a link to the helper's memory", (path) => symlinkSync("/proc/self/mem", path)],
    ["without an end", (path) => symlinkSync("/dev/zero", path)],
    [
      "huge",
      (path) => {
        writeFileSync(path, "");
        truncateSync(path, GIB);
      },
    ],
    ["another user's line", (path) => writeFileSync(path, "root:x:12:34::/lie:/bin/sh\n")],
    [
      "one line of a megabyte",
      (path) => writeFileSync(path, `root:x:0:0::/${"x".repeat(1 << 20)}`),
    ],
    [
      "full of ids that are none",
      (path) => writeFileSync(path, "root:x:99999999999:-1::/:\n".repeat(999)),
    ],
  ];

  it.for(cases)("%s", async ([, put]) => {
    for (const name of ["passwd", "group"]) {
      const path = join(rootfs, "etc", name);
      rmSync(path, { recursive: true, force: true });
      put(path);
    }
    const { states: root } = folder;
    const options = { root, cgroupManager: "disabled" } as const;
    const streams = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;

    const own = await shownBy(runtime.run("box", make(SHOW), options));
    const created = await shownBy(
      runtime.create("box", make(["sleep", "1000"]), { ...options, ...streams }),
    );
    const shown = [own];
    if (created !== "refused") {
      await runtime.start("box", { root });
      shown.push(await shownBy(runtime.exec("box", SHOW, { root })));
      await runtime.delete("box", { root, force: true });
    }

    for (const line of shown) expect(line).toMatch(/^(?:refused$|ids 0 0\n)/);
    expect(shown.join()).not.toMatch(/machine/);
  });

  /** Its process has no HOME. */
  function make(args: readonly string[]): string {
    const bundle = folder.make(args, { process: { env: ["PATH=/bin"] } });
    const path = join(bundle, "config.json");
    const spec = JSON.parse(readFileSync(path, "utf8")) as RuntimeSpec;
    writeFileSync(path, JSON.stringify({ ...spec, root: { path: rootfs, readonly: true } }));
    return bundle;
  }
});

/** A refusal is an answer, too; the step is the one that looks users up. */
async function shownBy(running: Promise<object>): Promise<string> {
  try {
    const { stdout = "" }: { readonly stdout?: string } = await running;
    return stdout;
  } catch (error) {
    if (isMarmitaError(error, "START_FAILED") && error.step === "user") return "refused";
    throw error;
  }
}
