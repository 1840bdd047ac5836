/** Bare containers in namespaces that others have made, and under clocks of their own. */
import { execFileSync } from "node:child_process";
import { existsSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Operation } from "../../lib/native/plan.ts";
import { BareContainer } from "../helpers/bare.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { hostCannot, requireUserNamespaces } from "../helpers/user-namespaces.ts";

requireUserNamespaces();

const CLONE = {
  time: 0x80,
  mnt: 0x2_0000,
  cgroup: 0x200_0000,
  uts: 0x400_0000,
  ipc: 0x800_0000,
  user: 0x1000_0000,
  pid: 0x2000_0000,
  net: 0x4000_0000,
} as const;

type Kind = keyof typeof CLONE;

function enter(kind: Kind, path: string): Operation {
  return ["enter", CLONE[kind], path, `linux.namespaces: ${kind}`];
}

function of(pid: number, ...kinds: readonly Kind[]): readonly Operation[] {
  return kinds.map((kind) => enter(kind, `/proc/${pid}/ns/${kind}`));
}

async function other() {
  const flags = CLONE.user + CLONE.mnt + CLONE.pid + CLONE.uts + CLONE.ipc + CLONE.net;
  const box = await BareContainer.create({ namespaces: flags, command: ["sleep", "1000"] });
  expect(await box.start()).toBe("");
  return Object.assign(box, { [Symbol.dispose]: () => process.kill(box.pid, "SIGKILL") });
}

async function output(options: Parameters<typeof BareContainer.create>[0]): Promise<string> {
  const box = await BareContainer.create(options);
  expect(await box.start()).toBe("");
  return box.written(box.pid);
}

/** Those that a command prints are those of the process. */
const SHOW = ["sh", "-c", "for n in /proc/self/ns/*; do readlink $n; done"];

describe("a bare container in namespaces of another", () => {
  expectNothingLeft();

  it("is in all of them, and in new ones of the rest", async () => {
    using box = await other();
    const shared = of(box.pid, "net", "ipc", "user", "uts");

    const seen = await output({ namespaces: CLONE.mnt + CLONE.pid, shared, command: SHOW });

    for (const kind of ["user", "uts", "ipc", "net"]) {
      expect(seen).toContain(readlinkSync(`/proc/${box.pid}/ns/${kind}`));
    }
    for (const kind of ["mnt", "pid"]) {
      expect(seen).not.toContain(readlinkSync(`/proc/${box.pid}/ns/${kind}`));
    }
  });

  it("sees the processes of a pid namespace, and is none of its own", async () => {
    using box = await other();

    const seen = await output({
      namespaces: CLONE.mnt,
      shared: of(box.pid, "user", "pid"),
      before: [["mount", "proc", "proc", "/proc", 0, []]],
      command: ["sh", "-c", "echo $$; cat /proc/1/comm"],
    });

    expect(seen).toMatch(/^[2-9]\n(?:sleep|busybox)\n$/);
  });

  it("is refused what is no namespace of that kind", async () => {
    using box = await other();
    const fifo = join(await temporaryFolder(), "fifo");
    execFileSync("mkfifo", [fifo]);

    for (const [path, errno] of [
      [`/proc/${box.pid}/ns/uts`, 22],
      ["/dev/null", 22],
      [fifo, 22],
      ["/no/such", 2],
    ] as const) {
      const one = await BareContainer.begin({
        shared: [enter("ipc", path)],
        command: ["true"],
      });

      expect(await one.expect("failed")).toMatchObject({
        step: "enter",
        errno,
        what: expect.stringContaining("linux.namespaces: ipc: "),
      });
      await one.starter.ended;
    }
  });

  it("stays in those of its starter that are named by their path", async () => {
    const shared = (["uts", "net", "ipc"] as const).map((kind) => {
      return enter(kind, `/proc/self/ns/${kind}`);
    });

    const seen = await output({
      namespaces: CLONE.user + CLONE.mnt + CLONE.pid,
      shared,
      command: SHOW,
    });

    for (const kind of ["uts", "net", "ipc"]) {
      expect(seen).toContain(readlinkSync(`/proc/self/ns/${kind}`));
    }
  });

  it("enters those of the host before it makes a user namespace", async (context) => {
    if (process.getuid?.() !== 0) {
      context.skip(hostCannot("make a network namespace that the host owns", "this is not root"));
    }
    const holder = await BareContainer.create({
      namespaces: CLONE.mnt + CLONE.net + CLONE.uts,
      command: ["sleep", "1000"],
    });
    using _killed = { [Symbol.dispose]: () => process.kill(holder.pid, "SIGKILL") };

    const seen = await output({
      namespaces: CLONE.user + CLONE.mnt + CLONE.pid,
      shared: of(holder.pid, "net", "uts"),
      command: SHOW,
    });

    expect(seen).toContain(readlinkSync(`/proc/${holder.pid}/ns/net`));
    expect(seen).toContain(readlinkSync(`/proc/${holder.pid}/ns/uts`));
    expect(seen).not.toContain(readlinkSync("/proc/self/ns/user"));
  });
});

describe("a bare container with clocks of its own", () => {
  expectNothingLeft();

  it.for(["single", "auto"] as const)(
    "has them set before it starts: ids %s",
    async (ids, context) => {
      if (!existsSync("/proc/self/timens_offsets")) {
        context.skip(hostCannot("make time namespaces", "the kernel has none"));
      }
      const seen = await output({
        ids,
        shared: [["time-offsets", "monotonic 86400 0\nboottime 3000000000 5\n"]],
        command: ["sh", "-c", "cat /proc/uptime /proc/self/timens_offsets; id -u"],
      });

      expect(seen).toMatch(/^300\d{7}\.\d+ .*\nmonotonic +86400 +0\nboottime +3000000000 +5\n0\n$/);
    },
  );

  it("are its own without offsets, too", async (context) => {
    if (!existsSync("/proc/self/timens_offsets")) {
      context.skip(hostCannot("make time namespaces", "the kernel has none"));
    }
    const seen = await output({
      namespaces: CLONE.user + CLONE.mnt + CLONE.pid + CLONE.time,
      command: ["readlink", "/proc/self/ns/time"],
    });

    expect(seen).toMatch(/^time:\[\d+\]\n$/);
    expect(seen.trim()).not.toBe(readlinkSync("/proc/self/ns/time"));
  });

  it("is refused offsets that the kernel does not take", async () => {
    const one = await BareContainer.begin({
      shared: [["time-offsets", "monotonic -99999999999 0\n"]],
      command: ["true"],
    });

    expect(await one.expect("failed")).toMatchObject({ step: "time-offsets", errno: 34 });
    await one.starter.ended;
  });
});
