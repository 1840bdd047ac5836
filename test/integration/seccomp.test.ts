import { readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { probeArchive } from "../../fixtures/probe.mjs";
import type { Engine } from "../../lib/engine/engine.ts";
import type { RunOptions } from "../../lib/engine/options.ts";
import type { SeccompProfile } from "../../lib/runtime/seccomp/profile.ts";
import { finished } from "../helpers/command.ts";
import { testEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { busyboxArchive } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { script } from "../helpers/script.ts";
import { needProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const allowAllBut = (names: readonly string[], action = "SCMP_ACT_ERRNO", more: object = {}) => ({
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [{ names, action, ...more }],
});

/** ENOTTY: an errno that mkdir() has for nothing else. */
const NO_MKDIR = allowAllBut(["mkdir", "mkdirat"], "SCMP_ACT_ERRNO", { errnoRet: 25 });

describe.runIf(requireUserNamespaces())("seccomp", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await testEngine();
    await engine.images.load(probeArchive());
    await engine.images.load(busyboxArchive());
  });

  /** What `probe syscall NAME …` prints. */
  async function answer(call: string, options: RunOptions = {}): Promise<string> {
    const words = ["/bin/probe", "syscall", ...call.split(" ")];
    const { stdout } = await engine.containers.run("probe", words, { remove: true, ...options });
    return stdout.trim();
  }

  const filters = () => readdirSync(join(engine.root, "seccomp"));

  it.each([
    ["getpid", "ok"],
    ["unshare 0", "EPERM"],
    ["keyctl 0 0", "EPERM"],
    ["socket 40 1 0", "EPERM"],
    ["socket 38 5 0", "EPERM"],
    ["personality 4194304", "EPERM"],
    ["personality 8", "ok"],
    ["clone3 0 0", "ENOSYS"],
    ["chroot /", "ok"],
  ])("answers %s with %s by default", async (call, expected) => {
    expect(await answer(call)).toBe(expected);
  });

  it.each([
    ["unshare 0", { capAdd: ["SYS_ADMIN"] }, "ok"],
    ["unshare 0", { seccomp: "unconfined" }, "ok"],
    ["unshare 0", { privileged: true }, "ok"],
    ["unshare 0", { privileged: true, seccomp: "default" }, "ok"],
    ["chroot /", { capDrop: ["SYS_CHROOT"] }, "EPERM"],
    ["unshare 0", { noNewPrivileges: true }, "EPERM"],
    ["unshare 0", { noNewPrivileges: true, capDrop: ["ALL"] }, "EPERM"],
    ["unshare 0", { readOnly: true }, "EPERM"],
  ] satisfies [string, RunOptions, string][])(
    "answers %s with %j as is right",
    async (call, options, expected) => {
      expect(await answer(call, options)).toBe(expected);
    },
  );

  it.for([{ user: "1000:1000" }, { user: "1000:1000", noNewPrivileges: true, capDrop: ["ALL"] }])(
    "is there for another user: %j",
    async (options, context) => {
      const { ids } = await engine.info();
      if (ids === "single") context.skip("there is one id here");

      expect(await answer("unshare 0", options)).toBe("EPERM");
    },
  );

  it("is there for whatever runs inside, and cannot be taken off", async () => {
    const words = ["grep", "-h", "^Seccomp:", "/proc/1/status", "/proc/self/status"];

    const { stdout, isolation } = await engine.containers.run("busybox", words, { remove: true });

    expect(stdout).toBe("Seccomp:\t2\nSeccomp:\t2\n");
    expect(isolation.seccomp).toBe("default");
  });

  it("takes a profile, and the path of one", async () => {
    const path = join(await temporaryFolder(), "profile.json");
    writeFileSync(path, JSON.stringify(NO_MKDIR));

    expect(await answer("mkdir /x 448", { seccomp: NO_MKDIR })).toBe("ENOTTY");
    expect(await answer("mkdir /x 448", { seccomp: path })).toBe("ENOTTY");
    expect(await answer("unshare 0", { seccomp: path })).toBe("ok");
    expect(await answer("mkdir /x 448", { seccomp: path, noNewPrivileges: true })).toBe("ENOTTY");
  });

  it.each([
    ["SCMP_ACT_KILL_PROCESS", "SIGSYS", 159],
    ["SCMP_ACT_KILL", "SIGSYS", 159],
    ["SCMP_ACT_TRAP", "SIGSYS", 159],
    ["SCMP_ACT_LOG", null, 0],
    ["SCMP_ACT_TRACE", null, 1],
  ])("carries out %s", async (action, signal, exitCode) => {
    const seccomp = allowAllBut(["mkdir", "mkdirat"], action);

    const result = await engine.containers.run("busybox", ["sh", "-c", "exec mkdir /made"], {
      remove: true,
      seccomp,
    });

    expect(result).toMatchObject({ signal, exitCode, isolation: { seccomp: "custom" } });
  });

  it.each([
    ["a profile without an end", "/dev/zero", /profile \/dev\/zero: longer than 1 MiB/],
    ["a profile that is not there", "/no/such.json", /profile \/no\/such\.json: no such file/],
    ["a file that is none", "/etc/passwd", /profile \/etc\/passwd is not JSON/],
    ["a directory", "/", /profile \/: /],
    ["a profile of another format", { syscalls: [] }, /"seccomp": defaultAction/],
  ])("refuses %s", async (_what, seccomp, message) => {
    const words = ["/bin/probe", "syscall", "getpid"];
    // Its type says that it cannot be.
    const options = { seccomp } as RunOptions;

    await expect(engine.containers.run("probe", words, options)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(message) as string,
    });
  });

  it("tells which profile forbids the start itself", async () => {
    const seccomp = allowAllBut(["capset"]);

    await expect(
      engine.containers.run("probe", ["/bin/probe", "syscall", "getpid"], { seccomp }),
    ).rejects.toMatchObject({ code: "START_FAILED", step: "capabilities", errno: "EPERM" });
  });

  it("compiles a set of rules once", async () => {
    const before = filters().length;

    for (const errnoRet of [11, 11, 12]) {
      await answer("getpid", { seccomp: allowAllBut(["mkdir"], "SCMP_ACT_ERRNO", { errnoRet }) });
    }

    expect(filters()).toHaveLength(before + 2);
    expect(filters().filter((name) => !/^[0-9a-f]{64}\.bpf$/.test(name))).toEqual([]);
  });

  it.each([
    ["is gone", (path: string) => rmSync(path)],
    ["is cut short", (path: string) => truncateSync(path, 100)],
    ["is empty", (path: string) => truncateSync(path, 0)],
    ["has a byte changed", (path: string) => changeByte(path, 100)],
  ])("makes a filter anew that %s", async (_what, damage) => {
    const seccomp = allowAllBut(["mkdir"], "SCMP_ACT_ERRNO", { errnoRet: 13 });
    const box = await engine.containers.create({
      image: "probe",
      command: ["/bin/probe", "syscall", "mkdir", "/x", "448"],
      seccomp,
    });
    const plan = readFileSync(join(engine.root, "containers", box.id, "plan"), "latin1");
    const name = /[0-9a-f]{64}\.bpf/.exec(plan)?.[0] ?? "none";
    const path = join(engine.root, "seccomp", name);
    const whole = readFileSync(path);
    damage(path);

    const started = await box.start({ stdout: "ignore" });
    const { exitCode } = await started.wait();

    expect(exitCode).toBe(0);
    expect(readFileSync(path)).toEqual(whole);
    damage(path);
    expect(await answer("mkdir /x 448", { seccomp })).toBe("EACCES");
    await engine.containers.remove(box.id);
  });

  it("is not looked for where a container has none", async () => {
    const words = ["/bin/probe", "syscall", "unshare", "0"];
    const options = { image: "probe", command: words, seccomp: "unconfined" } as const;
    const box = await engine.containers.create(options);

    const started = await box.start({ stdout: "ignore" });

    expect(await started.wait()).toMatchObject({ exitCode: 0 });
    await engine.containers.remove(box.id);
  });

  it("serves several processes that start with nothing", async () => {
    const root = await temporaryFolder();
    const text = `
      const engine = await marmita.openEngine({ root });
      await engine.images.load(${JSON.stringify(probeArchive())});
      const { stdout } = await engine.containers.run("probe", ["/bin/probe", "syscall", "unshare", "0"], { remove: true });
      await engine.close();
      process.exit(stdout === "EPERM\\n" ? 0 : 1);`;

    const scripts = Array.from({ length: 3 }, () => script(root, text));
    const codes = await Promise.all(scripts.map(({ ended }) => ended));

    expect(codes).toEqual([0, 0, 0]);
    expect(readdirSync(join(root, "seccomp"))).toHaveLength(1);
  });

  it("starts nothing where it is forbidden, unless asked to go without", async (context) => {
    needProgram(context, "bwrap");
    const filter = await filterOf(allowAllBut(["seccomp"]));
    const text = `
      const engine = await marmita.openEngine({ root });
      const words = ["/bin/probe", "syscall", "getpid"];
      const refused = await engine.containers.run("probe", words).catch(({ code, step, errno, hint }) => ({ code, step, errno, hint }));
      const { stdout } = await engine.containers.run("probe", words, { remove: true, seccomp: "unconfined" });
      console.log(JSON.stringify({ refused, stdout }));
      await engine.close();`;
    const argv = [
      process.execPath,
      "--input-type=module",
      "--eval",
      `import * as marmita from ${JSON.stringify(new URL("../../dist/index.js", import.meta.url).href)};
       const root = ${JSON.stringify(engine.root)}; ${text}`,
    ];

    const done = finished([
      "sh",
      "-c",
      'exec 9<"$0"; exec bwrap --dev-bind / / --seccomp 9 "$@"',
      filter,
      ...argv,
    ]);

    expect(done.stderr).toBe("");
    expect(JSON.parse(done.stdout)).toEqual({
      refused: {
        code: "START_FAILED",
        step: "seccomp",
        errno: "EPERM",
        hint: expect.stringContaining("seccomp=unconfined") as string,
      },
      stdout: "ok\n",
    });
  });

  /** The instructions alone, as bwrap takes them: our file without its header. */
  async function filterOf(seccomp: SeccompProfile): Promise<string> {
    const before = new Set(filters());
    await answer("getpid", { seccomp });
    const [name = "none"] = filters().filter((one) => !before.has(one));
    const path = join(await temporaryFolder(), "bpf");
    writeFileSync(path, readFileSync(join(engine.root, "seccomp", name)).subarray(20));
    return path;
  }
});

function changeByte(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  writeFileSync(path, bytes);
}
