/** The verb `join`: one more process in a container that nobody keeps. */
import { closeSync, openSync, readFileSync, readlinkSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BareContainer, isAlive } from "../helpers/bare.ts";
import { begin, joined } from "../helpers/bare-join.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

requireUserNamespaces();

const KINDS = ["user", "mnt", "cgroup", "uts", "ipc", "net", "pid", "time"];

async function running(ids: "single" | "auto" = "single") {
  const box = await BareContainer.create({ ids, command: ["sleep", "1000"] });
  expect(await box.start()).toBe("");
  return Object.assign(box, { [Symbol.dispose]: () => process.kill(box.pid, "SIGKILL") });
}

describe("one more process in a bare container", () => {
  expectNothingLeft();

  it.for(["single", "auto"] as const)("is in all of its namespaces: ids %s", async (ids) => {
    using box = await running(ids);

    const { output, exited } = await joined(box.pid, {
      command: ["sh", "-c", "for n in /proc/self/ns/*; do readlink $n; done; id -u; id -G"],
    });

    expect(exited).toMatchObject({ exitCode: 0, signal: 0 });
    const lines = output.split("\n");
    for (const kind of KINDS) {
      expect(lines).toContain(readlinkSync(`/proc/${box.pid}/ns/${kind}`));
    }
    expect(lines.slice(-3, -1)).toEqual(["0", ids === "auto" ? "0" : lines.at(-2)]);
  });

  it("has no descriptor that it was not given", async () => {
    using box = await running();
    const given = openSync("/dev/zero", "r");

    const { output } = await joined(box.pid, {
      command: ["sh", "-c", "readlink /proc/self/fd/3; ls /proc/self/fd"],
      preserved: [given],
    });
    closeSync(given);

    // The last is the one that ls reads the directory by.
    expect(output).toBe("/dev/zero\n0\n1\n2\n3\n4\n");
  });

  it("does not begin before it is released, and dies with who does not release it", async () => {
    using box = await running();
    const one = await begin(box.pid, { command: ["echo", "begun"] });
    const { pid } = await one.expect("created");

    one.joiner.forget();
    await one.joiner.ended;

    await eventually("its end", () => (isAlive(Number(pid)) ? undefined : true), 5_000);
    expect(readFileSync(one.output, "utf8")).toBe("");
  });

  it("dies with a joiner that is killed before it is released", async () => {
    using box = await running();
    const one = await begin(box.pid, { command: ["echo", "begun"] });
    const { pid } = await one.expect("created");

    process.kill(one.joiner.pid, "SIGKILL");
    await one.joiner.ended;

    await eventually("its end", () => (isAlive(Number(pid)) ? undefined : true), 5_000);
    expect(readFileSync(one.output, "utf8")).toBe("");
  });

  it("lives on without who started it once it is released", async () => {
    using box = await running();
    const one = await begin(box.pid, { command: ["sleep", "1000"] });
    const pid = await one.release();

    await one.joiner.ended;

    expect(isAlive(pid)).toBe(true);
    process.kill(pid, "SIGKILL");
    await eventually("its end", () => (isAlive(pid) ? undefined : true), 5_000);
  });

  it("dies with a joiner that was to stay", async () => {
    using box = await running();
    const one = await begin(box.pid, { command: ["sleep", "1000"], words: ["stay"] });
    const pid = await one.release();

    process.kill(one.joiner.pid, "SIGKILL");

    expect(await eventually("its end", () => (isAlive(pid) ? undefined : true), 5_000)).toBe(true);
    await one.joiner.ended;
  });

  it("is sent the signals that its joiner is told", async () => {
    using box = await running();
    const script = "trap 'echo caught; exit 7' TERM; echo ready; while :; do sleep 0.05; done";
    const one = await begin(box.pid, { command: ["sh", "-c", script], words: ["stay"] });
    await one.release();
    const written = () => readFileSync(one.output, "utf8");
    await eventually("its trap", () => (written().includes("ready") ? true : undefined), 5_000);

    one.joiner.send("signal 15");

    expect(await one.expect("exited")).toMatchObject({ exitCode: 7, signal: 0 });
    expect(written()).toContain("caught");
    await one.joiner.ended;
  });

  it.for([
    [["nosuch"], "exec nosuch: not found in $PATH", 127],
    [["/bin"], "exec /bin", 126],
  ] as const)(
    "is refused with a command that is not there: %s",
    async ([command, what, exitCode]) => {
      using box = await running();
      const one = await begin(box.pid, { command });
      await one.expect("created");
      one.joiner.send("release");

      expect(await one.expect("failed")).toMatchObject({ step: "exec", what, exitCode });
      await one.joiner.ended;
    },
  );

  it("does not go into whoever has the number of a process that has ended", async () => {
    using box = await running();
    const one = await begin(box.pid, { command: ["true"], startTicks: 1 });

    expect(await one.expect("failed")).toMatchObject({ step: "join", errno: 3 });
    await one.joiner.ended;
  });
});
