/** Containers of bundles that are waited for: what they read, write, and end with. */
import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { runtime } from "../../lib/api/runtime.ts";
import type { RunningBundleProcess } from "../../lib/bundles/options.ts";
import { output } from "../helpers/command.ts";
import { eventually, lineOf } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { BundleFolder } from "../helpers/oci-bundle.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able = requireUserNamespaces();
const INDEX = new URL("../../dist/index.js", import.meta.url).href;

describe("runtime.run", () => {
  expectNothingLeft();

  let folder: BundleFolder;

  beforeAll(async () => {
    if (able) folder = await BundleFolder.open();
  });

  const options = () => ({ root: folder.states, cgroupManager: "disabled" }) as const;
  const root = () => ({ root: folder.states });
  const run = (script: string, more: Parameters<typeof runtime.run>[2] = {}) =>
    runtime.run("run", folder.make(["sh", "-c", script]), { ...options(), ...more });

  it("resolves to what its command wrote, and how it ended", async () => {
    expect(await run("cat; echo salt >&2; exit 3", { input: "beans\n" })).toEqual({
      exitCode: 3,
      signal: null,
      truncated: false,
      stdout: "beans\n",
      stderr: "salt\n",
    });
    expect(await runtime.list(root())).toEqual([]);
  });

  it("tells the signal that ended it", async () => {
    const ready = () => eventually("it listens", () => (folder.seen("ready") ? true : undefined));
    const onStarted = (process: RunningBundleProcess) => {
      void ready().then(() => process.kill("SIGUSR1"));
    };
    const script = "trap 'exit 5' USR1; echo yes > /mnt/ready; while :; do sleep 0.1; done";

    expect(await run(script, { onStarted })).toMatchObject({ exitCode: 5, signal: null });
    const killed = await run("sleep 1000", { onStarted: (one) => one.kill("SIGKILL") });
    expect(killed).toMatchObject({ exitCode: 137, signal: "SIGKILL" });
  });

  it("keeps so much of the output as is asked for, and reads the rest", async () => {
    const { stdout, exitCode } = await run("yes | head -c 1000000; echo é", { maxOutputBytes: 4 });

    expect({ stdout, exitCode }).toEqual({ stdout: "y\ny\n", exitCode: 0 });
  });

  it("gives it descriptors of ours", async () => {
    const path = join(folder.folder, "out");
    const fd = openSync(path, "w");

    const result = await run("echo there; echo here >&2", { stdout: fd, stderr: "ignore" });

    closeSync(fd);
    expect(result).toEqual({ exitCode: 0, signal: null, truncated: false });
    expect(readFileSync(path, "utf8")).toBe("there\n");
  });

  it("is gone when it is aborted", async () => {
    const abort = new AbortController();
    const onStarted = () => abort.abort(new Error("enough"));

    const running = run("sleep 1000", { signal: abort.signal, onStarted });

    await expect(running).rejects.toMatchObject({ name: "AbortError" });
    expect(await runtime.list(root())).toEqual([]);
    await expect(run("true", { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: "AbortError",
    });
  });

  it("is kept when that is asked for", async () => {
    await run("exit 2", { keep: true });

    expect(await runtime.state("run", root())).toMatchObject({ status: "stopped", pid: 0 });
    await runtime.delete("run", root());
  });

  it("does not wait for it with detach", async () => {
    const result = await run("sleep 1000", { detach: true, stdout: "ignore", stderr: "ignore" });

    expect(result).toEqual({ exitCode: 0, signal: null, truncated: false });
    expect(await runtime.state("run", root())).toMatchObject({ status: "running" });
    await runtime.delete("run", { ...root(), force: true });
  });

  it("shows a terminal that has no console socket", async () => {
    const settings = { terminal: true, consoleSize: { height: 40, width: 100 } };
    const script = "stty size; read dish; echo got $dish; stty size; seq 5000; tty; exit 4";
    const bundle = folder.make(["sh", "-c", script], { process: settings });
    let shown = "";
    const onStarted = (process: RunningBundleProcess) => {
      const { terminal } = process;
      terminal?.on("data", (bytes: Buffer) => (shown += String(bytes)));
      if (terminal === undefined) return;
      void lineOf(terminal, /40 100/).then(() => {
        process.resize(77, 33);
        terminal.write("feijoada\n");
      });
    };

    const { exitCode } = await runtime.run("tty", bundle, { ...options(), onStarted });

    expect(exitCode).toBe(4);
    expect(shown).toMatch(/^40 100\r\nfeijoada\r\ngot feijoada\r\n33 77\r\n1\r\n2\r\n/);
    expect(shown).toMatch(/\r\n5000\r\n\/dev\/pts\/0\r\n$/);
  });

  it("types its input at a terminal, and the end of it", async () => {
    const bundle = folder.make(["cat"], { process: { terminal: true } });

    const { exitCode, stdout } = await runtime.run("type", bundle, {
      ...options(),
      input: "arroz",
    });

    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "arrozarroz" });
  });

  it("hands over descriptors of whoever started us, and none of ours", () => {
    const [here, there] = ["here", "there"].map((name) => {
      writeFileSync(join(folder.folder, name), `${name}\n`);
      return openSync(join(folder.folder, name), "r");
    });
    const command = "cat <&3; cat <&4; echo $LISTEN_FDS $LISTEN_PID; ls /proc/self/fd | wc -l";
    const bundle = folder.make(["sh", "-c", command]);
    const asked = { ...options(), listenFds: 1, preserveFds: 1 };
    const run = (more: object) => `
      import { runtime } from ${JSON.stringify(INDEX)};
      const options = ${JSON.stringify({ ...asked, ...more })};
      await runtime.run("fds", ${JSON.stringify(bundle)}, options).then(
        ({ stdout }) => process.stdout.write(stdout), ({ message }) => console.log(message));`;
    const printed = (more: object) =>
      spawnSync(process.execPath, ["--input-type=module", "--eval", run(more)], {
        stdio: ["ignore", "pipe", "inherit", here, there],
        encoding: "utf8",
      }).stdout;

    // 0, 1, 2, those two, and the one of the directory that is listed
    expect(printed({})).toBe("here\nthere\n1 1\n6\n");
    expect(printed({ preserveFds: 20 })).toMatch(/^there is no descriptor \d+ to be preserved$/m);
    for (const fd of [here, there]) closeSync(fd ?? -1);
  });

  it("writes all there is to our own pipe, which Node has made one that does not block", () => {
    const bundle = folder.make(["head", "-c", "3000000", "/dev/zero"]);
    const source = `
      import { runtime } from ${JSON.stringify(INDEX)};
      console.log("");
      await runtime.run("slow", ${JSON.stringify(bundle)},
        ${JSON.stringify({ ...options(), stdout: "inherit", stderr: "inherit" })});`;

    // Whoever reads begins when the pipe is full.
    const slowly = `"$0" --input-type=module --eval "$1" | (sleep 0.3; wc -c)`;
    expect(output(["bash", "-c", slowly, process.execPath, source])).toBe("3000001\n");
  });

  it("has the socket of sd_notify at a place of its own", async () => {
    const socket = join(folder.folder, "notify");
    const server = createServer().listen(socket);
    await eventually("it listens", () => (server.listening ? true : undefined));
    const bundle = folder.make(["sh", "-c", "echo $NOTIFY_SOCKET; test -S $NOTIFY_SOCKET"]);

    const running = runtime.run("notify", bundle, { ...options(), notifySocket: socket });

    await expect(running).resolves.toMatchObject({
      exitCode: 0,
      stdout: "/run/notify/notify.sock\n",
    });
    server.close();
  });
});
