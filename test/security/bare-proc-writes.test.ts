/**
 * Settings of the kernel that a bundle asks for, where something else lies in the place of /proc or of
 * the setting: what is written to is the kernel's own file, or nothing is (CVE-2025-52881).
 *
 * Red when make_file() in native/init/child_root.c does not hand settings to write_setting(). Labels are
 * written to the machine's own /proc, and are checked likewise (apply_label() in native/init/outside.c);
 * that takes a security module to be seen.
 */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { runtime } from "../../lib/api/runtime.ts";
import type { RuntimeSpec, SpecMount } from "../../lib/oci/runtime-spec.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { BundleFolder } from "../helpers/oci-bundle.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const SETTING = "kernel.msgmax";
const FILE = "/proc/sys/kernel/msgmax";

describe.runIf(requireUserNamespaces())("a setting of the kernel", () => {
  let folder: BundleFolder;
  /** As a /proc is, but with files of somebody else's. */
  let lookalike: string;
  let victim: string;

  beforeAll(async () => {
    folder = await BundleFolder.open();
    lookalike = await temporaryFolder();
    mkdirSync(join(lookalike, "sys/kernel"), { recursive: true });
    victim = join(lookalike, "sys/kernel/msgmax");
    writeFileSync(victim, "untouched");
  });
  expectNothingLeft();

  it("is written to the container's own", async () => {
    const { stdout } = await run([]);

    expect(stdout).toBe("4242\n");
  });

  it("is not written to files that are mounted at /proc", async () => {
    const mount = { destination: "/proc", type: "bind", source: lookalike, options: ["bind"] };

    await expect(run([mount], "/proc")).rejects.toThrow(
      /\/proc is something else|cover the kernel/,
    );

    expect(readFileSync(victim, "utf8")).toBe("untouched");
  });

  it("is not written to what is mounted over it", async () => {
    const mount = { destination: FILE, type: "bind", source: victim, options: ["bind"] };

    await expect(run([mount])).rejects.toMatchObject({ code: "START_FAILED" });

    expect(readFileSync(victim, "utf8")).toBe("untouched");
  });

  it("is not written where a link leads", async () => {
    const linked = await temporaryFolder();
    mkdirSync(join(linked, "sys"));
    writeFileSync(join(linked, "sys/victim"), "untouched");
    symlinkSync("victim", join(linked, "sys/msgmax"));
    const source = join(linked, "sys");
    const mount = { destination: "/proc/sys/kernel", type: "bind", source, options: ["bind"] };

    await expect(run([mount])).rejects.toMatchObject({ code: "START_FAILED" });

    expect(readFileSync(join(linked, "sys/victim"), "utf8")).toBe("untouched");
  });

  function run(mounts: readonly SpecMount[], without?: string) {
    const bundle = folder.make(["cat", FILE], { linux: { sysctl: { [SETTING]: "4242" } } });
    const path = join(bundle, "config.json");
    const spec = JSON.parse(readFileSync(path, "utf8")) as RuntimeSpec;
    const kept = (spec.mounts ?? []).filter(({ destination }) => destination !== without);
    writeFileSync(path, JSON.stringify({ ...spec, mounts: [...kept, ...mounts] }));
    return runtime.run("box", bundle, { root: folder.states, cgroupManager: "disabled" });
  }
});
