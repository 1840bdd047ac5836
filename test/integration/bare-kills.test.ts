/** Bare containers whose starter, caller or first process is killed, and those that are kept. */
import { describe, expect, it } from "vitest";
import { HOOK } from "../../lib/native/plan.ts";
import { BareContainer, type BareOptions, isAlive } from "../helpers/bare.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

requireUserNamespaces();

/** Ends once it reads something. */
const READER = ["cat"];

interface Stage {
  readonly name: string;
  readonly options: BareOptions;
  /** Brings it there; the pid of its first process, where that is known. */
  readonly reach: (box: BareContainer) => Promise<number | undefined>;
}

const pidOf = async (box: BareContainer, event: string) => Number((await box.expect(event))["pid"]);

const STAGES: readonly Stage[] = [
  { name: "begun", options: { command: READER }, reach: () => Promise.resolve(undefined) },
  {
    name: "at the runtime's hooks",
    options: { command: READER, before: [["runtime-hooks"]] },
    reach: (box) => pidOf(box, "hooks"),
  },
  {
    name: "in a hook of its own",
    options: {
      command: READER,
      before: [
        ["runtime-hooks"],
        ["hook", HOOK.CREATE_CONTAINER, 0, "/bin/sh", ["sh", "-c", "sleep 70"], [], "{"],
      ],
    },
    reach: async (box) => {
      const pid = await pidOf(box, "hooks");
      box.starter.send("go");
      return pid;
    },
  },
  { name: "created", options: { command: READER }, reach: (box) => pidOf(box, "created") },
  {
    name: "released, with a starter that stays",
    options: { command: READER, words: ["stay"] },
    reach: (box) => box.release(),
  },
  {
    name: "started, with a starter that stays",
    options: { command: ["sh", "-c", "sleep 71 & wait"], words: ["stay"] },
    reach: async (box) => {
      const pid = await box.release();
      expect(await box.start()).toBe("");
      return pid;
    },
  },
];

describe.each(STAGES)("a bare container $name", ({ options, reach }) => {
  expectNothingLeft();

  async function gone(box: BareContainer, pid: number | undefined): Promise<void> {
    await box.starter.ended;
    if (pid === undefined) return;
    await eventually("the end of its first process", () => (isAlive(pid) ? undefined : true));
  }

  it("ends when its caller does", async () => {
    const box = await BareContainer.begin(options);
    const pid = await reach(box);

    box.starter.forget();

    await gone(box, pid);
    expect(isAlive(box.starter.pid)).toBe(false);
  });

  it("ends when its starter is killed", async () => {
    const box = await BareContainer.begin(options);
    const pid = await reach(box);

    process.kill(box.starter.pid, "SIGKILL");

    await gone(box, pid);
    await expect(box.release()).rejects.toThrow('{"event":"end"}');
  });

  it("is reported when its first process is killed", async () => {
    const box = await BareContainer.begin(options);
    const pid = await reach(box);
    if (pid === undefined) return box.starter.forget();

    process.kill(pid, "SIGKILL");

    const event = options.words === undefined ? "failed" : "exited";
    expect(await box.expect(event)).toMatchObject(
      event === "failed" ? { errno: 32 } : { exitCode: 137, signal: 9 },
    );
    await gone(box, pid);
  });
});

describe("a bare container that was released", () => {
  expectNothingLeft();

  it("outlives both", async () => {
    const box = await BareContainer.create({ command: ["echo", "there"] });
    box.starter.forget();
    await box.starter.ended;

    expect(isAlive(box.pid)).toBe(true);
    expect(await box.start()).toBe("");
    expect(await box.written(box.pid)).toBe("there\n");
  });

  it.for(["SIGTERM", "SIGINT", "SIGUSR1", "SIGKILL", 37] as const)(
    "ends of %s while it waits",
    async (signal) => {
      const box = await BareContainer.create({ command: READER });

      process.kill(box.pid, signal);

      await eventually("its end", () => (isAlive(box.pid) ? undefined : true));
      await expect(box.start()).rejects.toMatchObject({ code: "ENXIO" });
    },
  );
});

describe("a bare container with a starter that stays", () => {
  expectNothingLeft();

  it.for([
    ["exit 3", { exitCode: 3, signal: 0 }],
    ["kill -9 $$", { exitCode: 0, signal: 0 }], // the first process of its namespace is not sent it
  ] as const)("is reported at its end: %s", async ([script, wanted]) => {
    const box = await BareContainer.begin({ command: ["sh", "-c", script], words: ["stay"] });
    await box.release();

    expect(await box.start()).toBe("");

    expect(await box.expect("exited")).toMatchObject(wanted);
    await box.starter.ended;
  });

  it("is sent what its starter is told", async () => {
    const script = 'trap "echo heard; exit 5" USR1; echo ready; while :; do sleep 0.05; done';
    const box = await BareContainer.begin({ command: ["sh", "-c", script], words: ["stay"] });
    const pid = await box.release();
    await box.start();
    await eventually("its trap", () => (box.shown().includes("ready") ? true : undefined));

    box.starter.send("signal 10");

    expect(await box.expect("exited")).toMatchObject({ exitCode: 5, signal: 0 });
    expect(await box.written(pid)).toBe("ready\nheard\n");
    await box.starter.ended;
  });
});
