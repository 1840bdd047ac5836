/**
 * Keys of the caller's session: no bare container has them, and nothing that is brought into one, but
 * where `--no-new-keyring` asks for that.
 *
 * Red without the operation `keyring` of lib/runtime/compile-bundle.ts (the first answer) and of
 * compile-join.ts (the second).
 */
import { chmodSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { probeProgram } from "../../fixtures/probe.mjs";
import { output } from "../helpers/command.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { BundleFolder } from "../helpers/oci-bundle.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const index = JSON.stringify(new URL("../../dist/index.js", import.meta.url).href);

/** Runs in a session that has the key: looks for it in a container, and by a further process of one. */
const SCRIPT = `
  import { runtime } from ${index};
  const [root, bundle, sleeper, name] = process.argv.slice(-4);
  for (const noNewKeyring of [false, true]) {
    const options = { root, cgroupManager: "disabled", noNewKeyring };
    process.stdout.write((await runtime.run("box", bundle, options)).stdout);
    const streams = { stdin: "ignore", stdout: "ignore", stderr: "ignore" };
    await runtime.create("box", sleeper, { ...options, ...streams });
    await runtime.start("box", { root });
    process.stdout.write((await runtime.exec("box", ["/mnt/probe", "find-key", name], { root })).stdout);
    await runtime.delete("box", { root, force: true });
  }
`;

describe.runIf(requireUserNamespaces())("keys of the caller's session", () => {
  expectNothingLeft();

  it("are in no bare container, unless it is to have them", async () => {
    const folder = await BundleFolder.open();
    const name = `marmita-test-${process.pid}`;
    const probe = join(folder.folder, "seen/probe");
    copyFileSync(probeProgram(), probe);
    chmodSync(probe, 0o755);
    const bundle = folder.make(["/mnt/probe", "find-key", name]);
    const sleeper = folder.make(["sleep", "1000"]);
    const node = [process.execPath, "--input-type=module", "--eval", SCRIPT];

    const words = [...node, folder.states, bundle, sleeper, name];
    const answers = output([probeProgram(), "keep-key", name, ...words]);

    expect(answers.trim().split("\n")).toEqual(["ENOKEY", "ENOKEY", "ok", "ok"]);
  });
});
