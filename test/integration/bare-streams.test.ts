/** What a bare container's command has open: what it was given, its terminal, and nothing else. */
import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { binding } from "../../lib/native/binding.ts";
import { BareContainer, type BareOptions } from "../helpers/bare.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { ConsoleSocket, Master } from "../helpers/console-socket.ts";

requireUserNamespaces();

/** Files of their names, open to be read: closed when the test is over. */
async function filesOf(count: number): Promise<{ fds: number[]; close: () => void }> {
  const folder = await temporaryFolder();
  const fds = Array.from({ length: count }, (_, index) => {
    writeFileSync(join(folder, `${index}`), `file ${index}\n`);
    return openSync(join(folder, `${index}`), "r");
  });
  return { fds, close: () => fds.forEach((fd) => closeSync(fd)) };
}

describe("the descriptors of a bare container", () => {
  expectNothingLeft();

  it.for([0, 1, 5, 60])("are 0, 1, 2, and %i that are preserved", async (count) => {
    const files = await filesOf(count);
    const box = await BareContainer.create({
      command: [
        "sh",
        "-c",
        `for fd in $(ls /proc/self/fd | sort -n); do [ $fd -gt 2 ] && cat <&$fd; done 2>&-`,
      ],
      preserved: files.fds,
    });
    files.close();

    expect(await box.start()).toBe("");
    const wanted = Array.from({ length: count }, (_, index) => `file ${index}\n`).join("");
    expect(await box.written(box.pid)).toBe(wanted);
  });

  it("are refused beyond what can be handed over, and when one is not there", async () => {
    const files = await filesOf(1);
    const begin = (over: Partial<BareOptions>) =>
      BareContainer.begin({ command: ["true"], preserved: files.fds, ...over });

    const missing = await begin({ preserveCount: 2 });
    expect(await missing.expect("failed")).toMatchObject({
      errno: 9,
      what: "preserve descriptor 4",
    });
    const many = await begin({ preserveCount: 257 });
    expect(await many.expect("failed")).toMatchObject({
      errno: 7,
      what: "preserve 257 descriptors",
    });
    await Promise.all([missing.starter.ended, many.starter.ended]);
    files.close();
  });

  it("are a listener's own where the environment says so", async () => {
    const files = await filesOf(1);
    const box = await BareContainer.create({
      command: ["sh", "-c", "echo $LISTEN_PID $$; cat <&3"],
      environment: ["LISTEN_PID=999", "PATH=/bin", "LISTEN_FDS=1"],
      preserved: files.fds,
    });
    files.close();
    await box.start();

    expect(await box.written(box.pid)).toBe("1 1\nfile 0\n");
  });

  it("say nothing of a listener where there is none", async () => {
    const box = await BareContainer.create({
      command: ["sh", "-c", "echo ${LISTEN_PID-none}"],
      environment: ["PATH=/bin", "LISTEN_FDS=1"],
    });
    await box.start();

    expect(await box.written(box.pid)).toBe("none\n");
  });
});

/** devpts as an ordinary user may mount it, and /dev/console to mount on. */
const DEVICES = [
  ["mount", "tmpfs", "tmpfs", "/dev", 0, []],
  ["mount", "devpts", "devpts", "/dev/pts", 0, ["newinstance", "ptmxmode=0666"]],
] as const;

describe("the terminal of a bare container", () => {
  expectNothingLeft();

  const withTerminal = (socket: string): BareOptions => ({
    command: ["sh", "-c", "tty; stty size; read line; echo got $line"],
    before: [
      ...(socket === "" ? [] : [["console-socket", socket] as const]),
      ...DEVICES,
      ["terminal", 100, 30],
    ],
  });

  it.for([1, 120])("goes to a socket, its name %i bytes long", async (length) => {
    const path = join(await temporaryFolder(), "n".repeat(length));
    const socket = await ConsoleSocket.listen(path);
    const box = await BareContainer.create(withTerminal(path));
    const { name, master } = await socket.received;
    socket.close();

    expect(name).toBe("dev/ptmx"); // behind the byte that the descriptor came with
    expect(await box.start()).toBe("");
    expect(await master.shows(/\/dev\/pts\/0\r\n30 100\r\n/)).toBeDefined();
    master.type("words\n");
    expect(await master.shows(/got words\r/)).toBeDefined();
    await box.written(box.pid);
    master.close();
  });

  it("goes to a socket that its creator holds", async () => {
    const [ours, theirs] = binding().socketPair();
    const box = await BareContainer.create({ ...withTerminal(""), console: theirs });
    closeSync(theirs);
    const master = new Master(binding().receive(ours));
    closeSync(ours);

    await box.start();
    master.type("words\n");
    expect(await master.shows(/got words\r/)).toBeDefined();
    await box.written(box.pid);
    master.close();
  });

  it("is refused with a socket that is not there, that nobody listens at, and without one", async () => {
    const folder = await temporaryFolder();
    const dead = join(folder, "dead");
    writeFileSync(dead, "");

    for (const [path, errno] of [
      [join(folder, "none"), 2],
      [dead, 111],
      ["", 22],
    ] as const) {
      const box = await BareContainer.begin(withTerminal(path));
      expect(await box.expect("failed")).toMatchObject({ step: "console-socket", errno });
      await box.starter.ended;
    }
  });
});
