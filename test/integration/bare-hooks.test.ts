/** Hooks of a bare container that are carried out in its namespaces, and Node's turn between them. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { HOOK, type Operation, type Plan } from "../../lib/native/plan.ts";
import { BareContainer, CLONE_NEWPID, isAlive, NAMESPACES } from "../helpers/bare.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

requireUserNamespaces();

const STATE = '{"id":"box","status":"created","pid":';

interface HookOptions {
  readonly when?: number;
  readonly path?: string;
  readonly timeoutMs?: number;
  readonly environment?: readonly string[];
}

/** A script of a shell: this machine's before the start, the container's from then on. */
function hook(script: string, options: HookOptions = {}): Operation {
  const { when = HOOK.CREATE_CONTAINER, path = "/bin/sh", timeoutMs = 0 } = options;
  const { environment = ["PATH=/bin:/usr/bin"] } = options;
  return ["hook", when, timeoutMs, path, ["sh", "-c", script], environment, STATE];
}

const atStart = (script: string, options: HookOptions = {}) =>
  hook(script, { ...options, when: HOOK.START_CONTAINER });

async function refused(before: Plan): Promise<unknown> {
  const box = await BareContainer.begin({ command: ["true"], before });
  const event = await box.expect("failed");
  await box.starter.ended;
  return event;
}

describe("hooks of a bare container", () => {
  expectNothingLeft();

  it("are carried out in their order, each with the state on its stdin", async () => {
    const tell = (what: string) => `{ echo ${what}; cat; echo; } >> /told`;
    const box = await BareContainer.create({
      command: ["sh", "-c", "echo command >> /told"],
      before: [atStart(tell("first")), atStart(tell("second"))],
    });
    expect(await box.start()).toBe("");
    await box.written(box.pid);

    const told = readFileSync(`${box.folder}/rootfs/told`, "utf8");
    expect(told).toBe(`first\n${STATE}1}\nsecond\n${STATE}1}\ncommand\n`);
  });

  it("see this machine's tree before the container enters its own, and its namespaces", async () => {
    const box = await BareContainer.begin({
      command: ["true"],
      before: [
        ["hostname", "inside"],
        ["runtime-hooks"],
        hook(
          "test -e /etc/passwd && cat >&2 && readlink /proc/self/ns/uts >&2; uname -n >&2; exit 4",
        ),
      ],
    });
    const { pid } = await box.expect("hooks");
    expect(isAlive(Number(pid))).toBe(true);
    box.starter.send("go");

    const { what } = await box.expect("failed");

    expect(what).toMatch(
      /^the hook \/bin\/sh ended with exit code 4: \{"id":"box","status":"created","pid":1\}uts:\[\d+\] inside$/,
    );
    await box.starter.ended;
  });

  it("begin in the bundle, where the plan has one", async () => {
    const before = [["bundle", "/proc"], hook("pwd >&2; exit 1")] as const;

    expect(await refused(before)).toMatchObject({
      what: "the hook /bin/sh ended with exit code 1: /proc",
    });
  });

  it.for<readonly [name: string, operation: Operation, wanted: object]>([
    [
      "an exit code",
      hook("echo no >&2; exit 3"),
      { what: "the hook /bin/sh ended with exit code 3: no" },
    ],
    ["a signal", hook("kill -9 $$"), { what: "the hook /bin/sh ended with signal 9" }],
    ["no program", hook("", { path: "/no/such" }), { what: "execute the hook /no/such", errno: 2 }],
    ["no patience", hook("sleep 60 & wait", { timeoutMs: 60 }), { errno: 110 }],
    [
      "words beyond measure",
      hook("yes word | head -c 300000; exit 1"),
      { what: expect.stringMatching(/code 1: .{190,200}$/) as string },
    ],
  ])("end a creation by %s", async ([, operation, wanted]) => {
    expect(await refused([operation])).toMatchObject({ step: "hook", exitCode: 125, ...wanted });
  });

  it("are killed with all that they have started when their time is over", async () => {
    const seconds = `61.${process.pid}`;
    const box = await BareContainer.begin({
      command: ["true"],
      namespaces: NAMESPACES & ~CLONE_NEWPID, // whose end would be that of all of them
      before: [hook(`sleep ${seconds} & wait`, { timeoutMs: 1_000 })],
    });

    await eventually("its start", () => processesOf("sleep", seconds)[0]);
    expect(await box.expect("failed")).toMatchObject({ step: "hook", errno: 110 });
    await eventually("its end", () => (isNobody("sleep", seconds) ? true : undefined));
    await box.starter.ended;
  });

  it("have none of the descriptors that are ours, and the command none of theirs", async () => {
    const box = await BareContainer.create({
      command: ["sh", "-c", "ls /proc/self/fd"],
      before: [atStart("ls /proc/self/fd > /told")],
    });
    await box.start();

    // The fourth is of ls itself.
    expect(await box.written(box.pid)).toBe("0\n1\n2\n3\n");
    expect(readFileSync(`${box.folder}/rootfs/told`, "utf8")).toBe("0\n1\n2\n3\n");
  });

  it("that fail at the start are told to whoever starts, and end the container", async () => {
    const box = await BareContainer.create({
      command: ["echo", "never"],
      before: [atStart("echo words >&2; exit 7")],
    });

    expect(JSON.parse(await box.start())).toMatchObject({
      step: "hook",
      what: "the hook /bin/sh ended with exit code 7: words",
      exitCode: 125,
    });
    expect(await box.written(box.pid)).toBe("");
  });
});

/** The processes of this machine with that command line. */
function processesOf(...command: readonly string[]): readonly string[] {
  const line = command.map((word) => `${word}\0`).join("");
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8") === line;
    } catch {
      return false; // it has ended meanwhile
    }
  });
}

function isNobody(...command: readonly string[]): boolean {
  return processesOf(...command).length === 0;
}
