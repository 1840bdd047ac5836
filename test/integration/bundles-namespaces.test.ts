/** Bundles whose namespaces are others', or have clocks of their own. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { beforeAll, describe, expect, it } from "vitest";
import { runtime } from "../../lib/api/runtime.ts";
import type { Namespace, RuntimeSpec } from "../../lib/oci/runtime-spec.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { BundleFolder } from "../helpers/oci-bundle.ts";
import { hostCannot, requireUserNamespaces } from "../helpers/user-namespaces.ts";

requireUserNamespaces();

const SHOW = ["sh", "-c", "for n in /proc/self/ns/*; do readlink $n; done"];

describe("a bundle's container", () => {
  expectNothingLeft();

  let folder: BundleFolder;
  let root: string;

  beforeAll(async () => {
    folder = await BundleFolder.open();
    root = folder.states;
  });

  const options = () => ({ root, cgroupManager: "disabled" }) as const;

  async function output(args: readonly string[], linux: Partial<RuntimeSpec["linux"]>) {
    const { stdout } = await runtime.run("it", folder.make(args, { linux }), options());
    return stdout ?? "";
  }

  async function other(): Promise<AsyncDisposable & { pid: number }> {
    const streams = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
    const bundle = folder.make(["sleep", "1000"]);
    const { pid } = await runtime.create("other", bundle, { ...options(), ...streams });
    await runtime.start("other", { root });
    const remove = () => runtime.delete("other", { root, force: true });
    return { pid, [Symbol.asyncDispose]: remove };
  }

  const at = (type: Namespace["type"], name: string, pid: number | string): Namespace => {
    return { type, path: `/proc/${pid}/ns/${name}` };
  };

  it("is in those of another, whoever's user namespace they are of", async () => {
    await using box = await other();
    const isAlone = readlinkSync(`/proc/${box.pid}/ns/user`) === readlinkSync("/proc/self/ns/user");

    const seen = await output(SHOW, {
      namespaces: [
        { type: "mount" },
        { type: "pid" },
        at("network", "net", box.pid),
        at("ipc", "ipc", box.pid),
        at("uts", "uts", box.pid),
        ...(isAlone ? [] : [at("user", "user", box.pid)]),
      ],
    });

    for (const name of ["net", "ipc", "uts", "user"]) {
      expect(seen).toContain(readlinkSync(`/proc/${box.pid}/ns/${name}`));
    }
    expect(seen).not.toContain(readlinkSync(`/proc/${box.pid}/ns/pid`));
  });

  it("sees the processes of another's pid namespace", async () => {
    await using box = await other();
    const isAlone = readlinkSync(`/proc/${box.pid}/ns/user`) === readlinkSync("/proc/self/ns/user");

    const seen = await output(["cat", "/proc/1/cmdline"], {
      namespaces: [
        { type: "mount" },
        { type: "uts" },
        { type: "ipc" },
        at("pid", "pid", box.pid),
        at("network", "net", box.pid),
        ...(isAlone ? [] : [at("user", "user", box.pid)]),
      ],
    });

    expect(seen).toBe("sleep\x001000\x00");
  });

  it("is refused what is no namespace of its type, by the property's name", async () => {
    const own = (["mount", "pid", "uts", "ipc"] as const).map((type) => ({ type }));
    const namespaces = [...own, at("network", "uts", "self")];

    await expect(output(["true"], { namespaces })).rejects.toMatchObject({
      code: "START_FAILED",
      step: "enter",
      message: expect.stringContaining("linux.namespaces: network"),
    });
  });

  it("has its root in the mount namespace of another, who sees it, too", async () => {
    const isRoot = process.getuid?.() === 0;
    const user = isRoot ? [] : ["--user", "--map-root-user"];
    const other = spawn("unshare", [...user, "--mount", "sleep", "1000"], { stdio: "ignore" });
    const pid = other.pid ?? 0;
    try {
      const mine = readlinkSync("/proc/self/ns/mnt");
      const theirs = await eventually("a mount namespace", () => {
        const name = readlinkSync(`/proc/${pid}/ns/mnt`);
        return name === mine ? undefined : name;
      });
      const namespaces = [
        at("mount", "mnt", pid),
        ...(isRoot ? [] : [at("user", "user", pid)]),
        ...(["pid", "uts", "ipc"] as const).map((type) => ({ type })),
      ];

      expect(await output(["readlink", "/proc/self/ns/mnt"], { namespaces })).toBe(`${theirs}\n`);
    } finally {
      other.kill("SIGKILL");
    }
  });

  it("does not move away the root of where the runtime is", async () => {
    const own = (["pid", "uts", "ipc"] as const).map((type) => ({ type }));
    const namespaces = [at("mount", "mnt", "self"), ...own];

    await expect(output(["true"], { namespaces })).rejects.toMatchObject({
      code: "START_FAILED",
      step: "enter",
      message: expect.stringContaining("where the runtime is") as string,
    });
  });

  const others = (type: Namespace["type"]): readonly Namespace[] => {
    const all = ["mount", "pid", "uts", "ipc", "network"] as const;
    return all.filter((one) => one !== type).map((one) => ({ type: one }));
  };

  // What is there already is what would be written: nothing happens to a machine where this fails.
  it.each([
    ["network", "net", "net.core.somaxconn"],
    ["ipc", "ipc", "kernel.shmmni"],
  ] as const)("changes no setting of the runtime's own %s namespace", async (type, name, key) => {
    const value = readFileSync(`/proc/sys/${key.replaceAll(".", "/")}`, "utf8").trim();
    const linux = {
      namespaces: [...others(type), at(type, name, "self")],
      sysctl: { [key]: value },
    };

    await expect(output(["true"], linux)).rejects.toMatchObject({
      code: "START_FAILED",
      step: "enter",
      message: expect.stringContaining(`file /proc/sys/${key.replaceAll(".", "/")}`) as string,
    });
  });

  it("does not change the runtime's own name", async () => {
    const linux = { namespaces: [...others("uts"), at("uts", "uts", process.pid)] };
    const bundle = folder.make(["true"], { hostname: hostname(), linux });

    await expect(runtime.run("named", bundle, options())).rejects.toMatchObject({
      code: "START_FAILED",
      step: "enter",
      message: expect.stringContaining(`hostname ${hostname()} would change it`) as string,
    });
  });

  it("has the clocks that were asked for", async (context) => {
    if (!existsSync("/proc/self/timens_offsets")) {
      context.skip(hostCannot("make time namespaces", "the kernel has none"));
    }
    const seen = await output(["cat", "/proc/uptime", "/proc/self/timens_offsets"], {
      namespaces: (["mount", "pid", "uts", "ipc", "time"] as const).map((type) => ({ type })),
      timeOffsets: { boottime: { secs: 3_000_000_000, nanosecs: 7 }, monotonic: { secs: 5 } },
    });

    expect(seen).toMatch(/^300\d{7}\.\d+ .*\nmonotonic +5 +0\nboottime +3000000000 +7\n$/);
  });
});
