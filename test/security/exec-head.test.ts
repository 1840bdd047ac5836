/**
 * What a container sees of those who come to run a command in it: root of it, with every capability
 * that there is in its user namespace, looks into them, reopens what they have open (CVE-2019-5736,
 * CVE-2024-21626), traces, stops and ends them.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { peekProgram } from "../../fixtures/peek.mjs";
import type { Container } from "../../lib/engine/container.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { lineOf } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

/** The numbers of the heads, but for that of who asks. */
const HEADS =
  "ps -o pid,comm | while read pid comm; do" +
  " [ $comm = marmita-exec ] && [ $pid != $PPID ] && echo $pid; done";
const HEAD = `$(${HEADS} | head -n 1)`;

describe.runIf(requireUserNamespaces())("a container into which commands are brought", () => {
  expectNothingLeft();

  let engine: Engine;
  let box: Container;

  beforeAll(async () => {
    engine = await busyboxEngine();
    const { container } = await engine.containers.createAndStart({
      image: "busybox",
      command: ["sleep", "600"],
      network: "none",
      init: true,
      privileged: true,
      remove: true,
    });
    box = container;
  });
  afterAll(async () => box[Symbol.asyncDispose]());

  const sh = (line: string) => box.exec(["sh", "-c", line], { timeoutMs: 20_000 });

  it.each([
    ["read its program", "cat /proc/$h/exe"],
    ["follow the link to its program", "readlink /proc/$h/exe"],
    ["see what it has open", "for fd in 3 4 5 6 7; do readlink /proc/$h/fd/$fd && echo; done"],
    ["reopen what it has open", ": < /proc/$h/fd/5"],
    ["go where what it has open leads", "ls /proc/$h/fd/5/"],
    ["see its root", "ls /proc/$h/root/"],
    ["see its working directory", "ls /proc/$h/cwd/"],
    ["read its memory", "dd if=/proc/$h/mem bs=1 count=1"],
    ["see where its memory is", "grep -c . /proc/$h/maps"],
    ["read its environment", "grep -c . /proc/$h/environ"],
    ["enter its namespaces", "readlink /proc/$h/ns/user"],
  ])("cannot %s", async (_, attempt) => {
    await using waiting = await box.startExec(["sleep", "600"]);

    const { exitCode, stdout } = await sh(
      `h=${HEAD}; grep -q marmita-exec /proc/$h/comm || exit 99; ${attempt} 2>/dev/null`,
    );

    expect(waiting.pid).toBeGreaterThan(0);
    expect(stdout.replace(/^0\n$/, "")).toBe("");
    expect(exitCode).not.toBe(0);
    expect(exitCode).not.toBe(99);
  });

  it("learns nothing of this machine from its name and words", async () => {
    await using waiting = await box.startExec(["sleep", "600"]);

    const { stdout } = await sh(`tr '\\0' ' ' < /proc/${HEAD}/cmdline`);

    expect(waiting.pid).toBeGreaterThan(0);
    expect(stdout.trim()).toBe("marmita: exec");
  });

  it("ends a command by killing its head, and that is told", async () => {
    await using waiting = await box.startExec(["sleep", "600"]);

    await sh(`kill -KILL ${HEAD}`);

    expect(await waiting.wait()).toEqual({ exitCode: 137, signal: "SIGKILL" });
  });

  it("cannot keep the end of a command from being told by stopping its head", async () => {
    const { exitCode, timedOut } = await box.exec(["sh", "-c", "kill -STOP $PPID; exit 5"], {
      timeoutMs: 10_000,
    });

    expect({ exitCode, timedOut }).toEqual({ exitCode: 5, timedOut: false });
  });

  it("cannot keep a command from being ended by stopping its head", async () => {
    const process = await box.startExec(["sh", "-c", "sleep 777 & sleep 777"]);
    await sh(`kill -STOP ${HEAD}`);

    await process[Symbol.asyncDispose]();

    expect(await process.wait()).toMatchObject({ exitCode: 137 });
    expect((await sh("ps -o args | grep '[s]leep 777'")).stdout).toBe("");
    expect((await sh(`${HEADS}; true`)).stdout).toBe("");
  });

  it("sees none of the machine's files in those who come", async () => {
    const secret = join(await temporaryFolder(), "file");
    await writeFile(secret, "precious");
    const { container, process: looking } = await engine.containers.createAndStart({
      image: "busybox",
      command: ["/peek", secret, "50"],
      capAdd: ["SYS_PTRACE"],
      network: "none",
      remove: true,
      mounts: [{ type: "bind", source: peekProgram(), target: "/peek", readOnly: true }],
    });
    if (looking.stdout !== undefined) await lineOf(looking.stdout, /looking/);

    for (let at = 0; at < 60; at++) await container.exec(["true"]);

    looking.kill("SIGKILL"); // which ends it, unless it has ended because it saw the file
    expect(await looking.wait()).toMatchObject({ signal: "SIGKILL" });
  });
});
