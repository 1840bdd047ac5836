import { existsSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../lib/engine/engine.ts";
import type { RunOptions, RunResult } from "../../lib/engine/options.ts";
import { usableDevices } from "../../lib/runtime/host-devices.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able = requireUserNamespaces();

describe.runIf(able)("what keeps a container in", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  function sh(text: string, options: RunOptions = {}): Promise<RunResult> {
    return engine.containers.run("busybox", ["sh", "-c", text], { remove: true, ...options });
  }

  /** The lines of /proc/self/status of what is executed. */
  async function status(options: RunOptions): Promise<Readonly<Record<string, string>>> {
    const { stdout } = await sh("exec cat /proc/self/status", options);
    return Object.fromEntries(stdout.split("\n").map((line) => line.split(/:\s+/)));
  }

  it.each([
    ["Docker's capabilities", {}, "00000000a80425fb"],
    ["one more", { capAdd: ["net_admin"] }, "00000000a80435fb"],
    ["one less", { capDrop: ["CAP_MKNOD"] }, "00000000a00425fb"],
    ["none", { capDrop: ["ALL"] }, "0000000000000000"],
    ["one alone", { capDrop: ["ALL"], capAdd: ["KILL"] }, "0000000000000020"],
  ] satisfies [string, RunOptions, string][])(
    "gives root inside %s",
    async (_what, options, mask) => {
      expect(await status(options)).toMatchObject({
        CapPrm: mask,
        CapEff: mask,
        CapBnd: mask,
        CapAmb: "0000000000000000",
      });
    },
  );

  it("gives another user what was added, and nothing by default", async (context) => {
    const user = "1000:1000";
    const { isolation } = await sh("true");
    if (isolation.ids === "single") context.skip("there is one id here");

    expect(await status({ user })).toMatchObject({ CapEff: "0000000000000000" });
    expect(await status({ user, capAdd: ["NET_ADMIN"] })).toMatchObject({
      CapEff: "0000000000001000",
      CapAmb: "0000000000001000",
      CapBnd: "00000000a80435fb",
    });
  });

  it("lets nobody gain rights where that was asked for", async () => {
    expect(await status({ noNewPrivileges: true })).toMatchObject({
      NoNewPrivs: "1",
      Seccomp: "2",
    });
    expect(await status({})).toMatchObject({ NoNewPrivs: "0" });
  });

  it.each([
    ["as usual", {}, "hidden hidden read-only"],
    ["with nothing hidden", { systemPaths: "unconfined" }, "seen seen writable"],
    ["but for one", { systemPaths: { unmask: ["/proc/ke*"] } }, "seen hidden read-only"],
    ["and one more", { systemPaths: { mask: ["/etc"], unmask: ["ALL"] } }, "seen seen writable"],
  ] satisfies [string, RunOptions, string][])(
    "shows the kernel's files %s",
    async (_what, options, expected) => {
      const { stdout } = await sh(
        `is() { grep -q " $1 " /proc/mounts && echo $2 || echo $3; }
         echo $(is /proc/keys hidden seen) $(is /proc/timer_list hidden seen) \
           $(is /proc/sys read-only writable)`,
        options,
      );

      expect(stdout.trim()).toBe(expected);
    },
  );

  it("hides a directory of the image", async () => {
    const { stdout } = await sh("ls /etc | wc -l", { systemPaths: { mask: ["/etc"] } });

    expect(stdout.trim()).toBe("0");
  });

  it("mounts /proc as asked for", async () => {
    const { stdout } = await sh("grep '^proc ' /proc/mounts", { procOptions: ["hidepid=2"] });

    expect(stdout).toMatch(/hidepid=(?:2|invisible)/);
  });

  it("is next to nothing when privileged, and says so", async () => {
    const text = `
      grep -E "^(CapBnd|Seccomp):" /proc/self/status
      echo 1 > /proc/sys/net/ipv4/ip_forward && cat /proc/sys/net/ipv4/ip_forward
      mount -t tmpfs tmpfs /tmp && echo mounted
      unshare -U -r -m -p -f mount -t proc proc /proc && echo nested
      grep " /sys " /proc/mounts`;

    const { stdout, isolation } = await sh(text, { privileged: true });

    expect(stdout).toMatch(/CapBnd:\t0000[0-9a-f]{3}fffffffff\nSeccomp:\t0\n1\nmounted\nnested\n/);
    expect(stdout).toMatch(/^sysfs \/sys sysfs rw/m);
    expect(isolation.seccomp).toBe("unconfined");
    expect(isolation.notes).toContainEqual(expect.stringMatching(/^privileged: /));
  });

  it("gives a privileged container the devices that the caller may open", async () => {
    const devices = await usableDevices();
    const paths = devices.filter((path) => existsSync(path));

    const { stdout } = await sh(`for d in ${paths.join(" ")}; do test -e $d || echo $d; done`, {
      privileged: true,
    });

    expect(stdout).toBe("");
  });

  it("is told by inspect as Docker has it", async () => {
    const box = await engine.containers.create({
      image: "busybox",
      capAdd: ["net_admin"],
      capDrop: ["all"],
      noNewPrivileges: true,
      seccomp: { defaultAction: "SCMP_ACT_ALLOW" },
      systemPaths: "unconfined",
    });

    const { HostConfig, Isolation } = await box.inspect();
    await box.remove();

    expect(HostConfig).toMatchObject({
      Privileged: false,
      CapAdd: ["CAP_NET_ADMIN"],
      CapDrop: ["ALL"],
      SecurityOpt: ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}', "no-new-privileges"],
      MaskedPaths: [],
      ReadonlyPaths: [],
    });
    expect(Isolation.seccomp).toBe("custom");
  });

  it("is told by inspect where nothing was asked for", async () => {
    const box = await engine.containers.create({ image: "busybox" });

    const { HostConfig } = await box.inspect();
    await box.remove();

    expect(HostConfig).toMatchObject({
      Privileged: false,
      CapAdd: null,
      CapDrop: null,
      SecurityOpt: null,
      MaskedPaths: expect.arrayContaining(["/proc/kcore", "/sys/firmware"]) as unknown,
      ReadonlyPaths: expect.arrayContaining(["/proc/sys"]) as unknown,
    });
  });
});
