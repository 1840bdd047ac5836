/** Containers of bundles from their creation to their end, step by step. */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { runtime } from "../../lib/api/runtime.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { BundleFolder } from "../helpers/oci-bundle.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able = requireUserNamespaces();

describe("a container of a bundle", () => {
  expectNothingLeft();

  let folder: BundleFolder;

  beforeAll(async () => {
    if (able) folder = await BundleFolder.open();
  });

  const quiet = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
  const options = () => ({ root: folder.states, cgroupManager: "disabled", ...quiet }) as const;
  const root = () => ({ root: folder.states });
  const statusOf = async (id: string) => (await runtime.state(id, root())).status;
  const stopped = (id: string) =>
    eventually(`${id} is stopped`, async () =>
      (await statusOf(id)) === "stopped" ? true : undefined,
    );

  it("waits as created, runs once started, is stopped, and is gone", async () => {
    const bundle = folder.make(["sleep", "1000"], {
      annotations: { "org.example.dish": "feijoada" },
    });

    const created = await runtime.create("steps", bundle, options());
    expect(created).toMatchObject({
      ociVersion: "1.2.0",
      id: "steps",
      status: "created",
      bundle,
      rootfs: join(folder.folder, "rootfs"),
      annotations: { "org.example.dish": "feijoada" },
    });
    expect(readFileSync(`/proc/${created.pid}/cmdline`, "utf8")).not.toContain("sleep");

    await runtime.start("steps", root());
    expect(await runtime.state("steps", root())).toEqual({ ...created, status: "running" });
    expect(readFileSync(`/proc/${created.pid}/cmdline`, "utf8")).toBe("sleep\x001000\0");
    expect(await runtime.ps("steps", root())).toEqual([created.pid]);

    await runtime.kill("steps", "SIGKILL", root());
    await stopped("steps");
    expect(await runtime.state("steps", root())).toEqual({ ...created, status: "stopped", pid: 0 });

    await runtime.delete("steps", root());
    await expect(runtime.state("steps", root())).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await runtime.list(root())).toEqual([]);
  });

  it("is not created twice under one id, nor started twice", async () => {
    const bundle = folder.make(["sleep", "1000"]);
    await runtime.create("twice", bundle, options());

    const again = runtime.create("twice", bundle, options());

    await expect(again).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
    await runtime.start("twice", root());
    await expect(runtime.start("twice", root())).rejects.toMatchObject({
      code: "CONFLICT",
      details: { container: "twice", state: "running" },
    });
    await runtime.delete("twice", { ...root(), force: true });
  });

  it("is not deleted before it is stopped, unless by force", async () => {
    const bundle = folder.make(["sleep", "1000"]);
    const { pid } = await runtime.create("early", bundle, options());

    await expect(runtime.delete("early", root())).rejects.toMatchObject({ code: "CONFLICT" });
    await runtime.start("early", root());
    await expect(runtime.delete("early", root())).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await statusOf("early")).toBe("running");

    await runtime.delete("early", { ...root(), force: true });
    expect(isRunning(pid)).toBe(false);
    expect(existsSync(join(folder.states, "early"))).toBe(false);
  });

  it("is deleted by force where it is not, too, and a record that is none is no obstacle", async () => {
    const warnings: string[] = [];
    const onWarning = (text: string) => void warnings.push(text);
    mkdirSync(join(folder.states, "broken"), { recursive: true });
    writeFileSync(join(folder.states, "broken", "lock"), "");
    writeFileSync(join(folder.states, "broken", "state.json"), "{");

    await runtime.delete("absent", { ...root(), force: true });
    await expect(runtime.delete("absent", root())).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await runtime.list({ ...root(), onWarning })).toEqual([]);
    await expect(runtime.delete("broken", root())).rejects.toMatchObject({ code: "CORRUPT" });
    await runtime.delete("broken", { ...root(), force: true, onWarning });

    const words: unknown = expect.stringContaining("broken/state.json is not JSON");
    expect(warnings).toEqual([words, words]);
    expect(existsSync(join(folder.states, "broken"))).toBe(false);
  });

  it("has a file with its pid when it is created", async () => {
    const pidFile = join(folder.folder, "pid");

    const { pid } = await runtime.create("pid", folder.make(["true"]), { ...options(), pidFile });

    expect(readFileSync(pidFile, "utf8")).toBe(String(pid));
    await runtime.delete("pid", { ...root(), force: true });
  });

  it("is undone where its pid file cannot be written", async () => {
    const pidFile = join(folder.folder, "nowhere", "pid");

    const creating = runtime.create("undone", folder.make(["true"]), { ...options(), pidFile });

    await expect(creating).rejects.toMatchObject({
      code: "UNAVAILABLE",
      details: { path: pidFile },
    });
    expect(existsSync(join(folder.states, "undone"))).toBe(false);
  });

  it("is not created for a command that is not there", async () => {
    const creating = runtime.create("nosuch", folder.make(["nosuch"]), options());

    await expect(creating).rejects.toMatchObject({
      code: "START_FAILED",
      details: { exitCode: 127 },
    });
    expect(existsSync(join(folder.states, "nosuch"))).toBe(false);
  });

  it("is not created for a directory, in the words that engines look for", async () => {
    const creating = runtime.create("folder", folder.make(["/bin"]), options());

    await expect(creating).rejects.toMatchObject({
      code: "START_FAILED",
      errno: "EISDIR",
      message: expect.stringMatching(/is a directory: permission denied$/) as string,
      details: { exitCode: 126 },
    });
  });

  it("tells at its start what its command lacks", async () => {
    const bundle = folder.make(["/mnt/script"]);
    writeFileSync(join(folder.folder, "seen", "script"), "#!/no/such/shell\n", { mode: 0o755 });

    await runtime.create("lacks", bundle, options());
    const starting = runtime.start("lacks", root());

    await expect(starting).rejects.toMatchObject({ code: "START_FAILED" });
    await stopped("lacks");
    await runtime.delete("lacks", root());
  });

  it("runs, also where whoever started it was killed before it had tidied up", async () => {
    await runtime.create("untidy", folder.make(["sleep", "1000"]), options());
    const fifo = join(folder.states, "untidy", "exec.fifo");
    writeFileSync(fifo, "0");
    await eventually("it runs", async () =>
      (await statusOf("untidy")) === "running" ? true : undefined,
    );

    expect(existsSync(fifo)).toBe(true);
    await expect(runtime.start("untidy", root())).rejects.toMatchObject({ code: "CONFLICT" });
    await runtime.delete("untidy", { ...root(), force: true });
  });

  it("is sent signals while it waits, and none when it is stopped", async () => {
    const { pid } = await runtime.create("waits", folder.make(["true"]), options());

    await runtime.kill("waits", "SIGTERM", root());

    await stopped("waits");
    expect(isRunning(pid)).toBe(false);
    const once = runtime.kill("waits", "SIGTERM", root());
    await expect(once).rejects.toMatchObject({ code: "CONFLICT", details: { state: "stopped" } });
    const again = runtime.start("waits", root());
    await expect(again).rejects.toMatchObject({ code: "CONFLICT", details: { state: "stopped" } });
    await runtime.delete("waits", root());
  });

  it("is killed with all that it has started", async () => {
    const bundle = folder.make(["sh", "-c", "trap '' TERM; sleep 1000 & sleep 1000; :"]);
    await runtime.create("all", bundle, options());
    await runtime.start("all", root());
    const pids = await eventually("three processes", async () => {
      const found = await runtime.ps("all", root());
      return found.length === 3 ? found : undefined;
    });

    await runtime.kill("all", "SIGKILL", { ...root(), all: true });

    await stopped("all");
    expect(pids.filter(isRunning)).toEqual([]); // all end with the first one of their namespace
    await runtime.delete("all", root());
  });

  it("is made of none but bundles, and with an id that is one", async () => {
    const bundle = folder.make(["true"]);

    await expect(runtime.create("x", folder.folder, options())).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    for (const id of ["", ".", "..", "a/b", "a\nb", "../x", "~a", "x".repeat(1025)]) {
      await expect(runtime.create(id, bundle, options())).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        details: { option: "id" },
      });
    }
    await expect(runtime.create("x".repeat(300), bundle, options())).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    await expect(runtime.state("x".repeat(300), root())).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    await expect(
      runtime.create("x", bundle, { ...options(), pidfile: "x" } as object),
    ).rejects.toMatchObject({ code: "INVALID_ARGUMENT", details: { option: "pidfile" } });
    expect(readdirSync(folder.states).filter((name) => !name.startsWith("~seccomp"))).toEqual([]);
  });

  it("has a terminal only where somebody shows it", async () => {
    const bundle = folder.make(["true"], { process: { terminal: true } });
    const plain = folder.make(["true"]);
    const consoleSocket = join(folder.folder, "console");

    await expect(runtime.create("terminal", bundle, options())).rejects.toMatchObject({
      details: { field: "process.terminal" },
    });
    const socket = runtime.create("terminal", plain, { ...options(), consoleSocket });
    await expect(socket).rejects.toMatchObject({ details: { option: "consoleSocket" } });
  });
});

/** One that nobody has reaped does not run. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s*[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
