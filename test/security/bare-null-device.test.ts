/**
 * Another file in the place of the machine's /dev/null, which paths are masked with: in a mount namespace
 * of somebody else it is theirs, and would be shown, writable by name, where /proc/kcore was (CVE-2025-31133).
 *
 * Red without is_null_device() in native/core/mounts.c as root; others have the machine's node bound at the
 * container's own /dev/null first, which is refused for the same reason (native/core/node.c).
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { BundleFolder } from "../helpers/oci-bundle.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const index = JSON.stringify(new URL("../../dist/index.js", import.meta.url).href);

/** A mount namespace; in a user namespace, unless root is who does it. */
const UNSHARE = process.geteuid?.() === 0 ? ["-m"] : ["-r", "-m"];

const SCRIPT = `
  import { runtime } from ${index};
  const [root, bundle] = process.argv.slice(-2);
  const { stdout } = await runtime
    .run("box", bundle, { root, cgroupManager: "disabled" })
    .catch((error) => ({ stdout: "refused: " + error.message }));
  process.stdout.write(stdout);
`;

describe.runIf(requireUserNamespaces())("what masks a file", () => {
  expectNothingLeft();

  it.for([
    ["the machine's", "true", /^masked\n$/],
    ["another file", 'mount --bind "$0" /dev/null', /^refused: .*\/dev\/null/],
  ] as const)("is /dev/null: %s", async ([, prepare, expected]) => {
    const folder = await BundleFolder.open();
    const other = join(folder.folder, "other");
    writeFileSync(other, "");
    const look = "test -c /proc/uptime && test ! -s /proc/uptime && echo masked";
    const bundle = folder.make(["sh", "-c", look], {
      linux: { maskedPaths: ["/proc/uptime"] },
    });

    const node = [process.execPath, "--input-type=module", "--eval", SCRIPT];
    const within = [...UNSHARE, "sh", "-c", `${prepare} && exec "$@"`, other];
    const { stdout, stderr } = spawnSync("unshare", [...within, ...node, folder.states, bundle], {
      encoding: "utf8",
    });

    expect(stdout + stderr).toMatch(expected);
  });
});
