/** The verb `create` and control groups, as far as a host without any of version 2 can show them. */
import { readFileSync, readlinkSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BareContainer, NAMESPACES, isAlive } from "../helpers/bare.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

requireUserNamespaces();

const CLONE_NEWCGROUP = 0x200_0000;

describe("a bare container that waits for a control group", () => {
  expectNothingLeft();

  const waiting = {
    command: ["sh", "-c", "ls -l /proc/self/ns/cgroup"],
    namespaces: NAMESPACES + CLONE_NEWCGROUP,
    shared: [["cgroup-wait"]],
  } as const;

  it("is there before all else, and makes its namespace once it is moved", async () => {
    const box = await BareContainer.begin(waiting);
    const { pid } = await box.expect("cgroup");
    const ours = readlinkSync("/proc/self/ns/cgroup");

    expect(readFileSync(`/proc/${Number(pid)}/uid_map`, "utf8")).toBe("");
    expect(readlinkSync(`/proc/${Number(pid)}/ns/cgroup`)).toBe(ours);
    box.starter.send("go");
    expect(await box.release()).toBe(pid);

    expect(await box.start()).toBe("");
    const shown = await box.written(Number(pid));
    expect(shown).toContain("cgroup:[");
    expect(shown).not.toContain(ours);
  });

  it("goes with whoever was to move it", async () => {
    const box = await BareContainer.begin(waiting);
    const { pid } = await box.expect("cgroup");

    box.starter.forget();

    await box.starter.ended;
    const end = eventually("its end", () => (isAlive(Number(pid)) ? undefined : true));
    expect(await end).toBe(true);
  });

  it.for([
    ["none", "/no/such", "open control group /no/such"],
    ["a file", "/etc/passwd", "open control group /etc/passwd"],
    ["a directory of another kind", "/", "clone"],
  ] as const)("fails where the one it is to be cloned into is %s", async ([, path, what]) => {
    const box = await BareContainer.begin({
      command: ["true"],
      shared: [["cgroup-directory", path]],
    });

    const failed = await box.expect("failed");

    expect(String(failed["what"])).toContain(what);
    await box.starter.ended;
  });
});
