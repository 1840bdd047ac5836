import { describe, expect, it } from "vitest";
import { listenerOperations } from "../../../../lib/runtime/seccomp/listener.ts";
import { formatRules } from "../../../../lib/runtime/seccomp/rules.ts";

const STATE = { ociVersion: "1.2.0", state: '{"id":"a","pid":' };
const ASKING = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ action: "SCMP_ACT_NOTIFY" }] };

/** What the helper makes of it for the process 42. */
function sent(operations: ReturnType<typeof listenerOperations>): unknown {
  const [operation] = operations;
  if (operation?.[0] !== "seccomp-listener") throw new Error("no listener");
  const [, , before, between] = operation;
  return JSON.parse(between === "" ? `${before}42}` : `${before}42${between}42}`);
}

describe("who answers system calls", () => {
  it("is told the state of a container's first process", () => {
    const operations = listenerOperations(
      { ...ASKING, listenerPath: "/run/s", listenerMetadata: 'm"' },
      STATE,
    );

    expect(operations[0]?.[1]).toBe("/run/s");
    expect(sent(operations)).toEqual({
      ociVersion: "1.2.0",
      fds: ["seccompFd"],
      metadata: 'm"',
      pid: 42,
      state: { id: "a", pid: 42 },
    });
  });

  it("is told both processes where one is added to a container", () => {
    const operations = listenerOperations({ ...ASKING, listenerPath: "/s" }, { ...STATE, pid: 7 });

    expect(sent(operations)).toMatchObject({ pid: 42, state: { pid: 7 } });
  });

  it("is nobody where nothing is asked", () => {
    const silent = { defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/s" };

    expect(listenerOperations(undefined, STATE)).toEqual([]);
    expect(listenerOperations(silent, STATE)).toEqual([]);
  });

  it.for([
    ["listenerPath", ASKING],
    ["listenerPath", { ...ASKING, listenerPath: "s" }],
    ["listenerPath", { defaultAction: "SCMP_ACT_NOTIFY" }],
    ["listenerMetadata", { defaultAction: "SCMP_ACT_ALLOW", listenerMetadata: "m" }],
    [
      "flags",
      {
        defaultAction: "SCMP_ACT_ALLOW",
        flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
      },
    ],
  ] as const)("is refused, %s: %j", ([name, seccomp]) => {
    const details = { field: `linux.seccomp.${name}` };
    expect(() => listenerOperations(seccomp, STATE)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", details }),
    );
  });

  it("has rules that the helper compiles", () => {
    const flags = ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"];
    const syscalls = [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }];

    expect(formatRules({ defaultAction: "SCMP_ACT_NOTIFY", flags, syscalls }, "x64")).toBe(
      "marmita-seccomp 1\nflags 34\ndefault NOTIFY 0\narch x86_64\nrule NOTIFY 0 mkdir\n",
    );
  });
});
