import { describe, expect, it } from "vitest";
import { type Plan, USER } from "../../../lib/native/plan.ts";
import { type ExecContainer, type ExecRequest, execPlan } from "../../../lib/runtime/exec-plan.ts";

const NEW_USER = 0x1000_0000;
const NEW_PID = 0x2000_0000;
const NEW_NET = 0x4000_0000;

const PLAN: Plan = [
  ["container", "abc", "old-name"],
  ["bundle", "/root/containers/abc"],
  ["live", "/root/live/abc"],
  ["remove", "/root/trash/abc", []],
  ["uid-map", "0 0 1\n"],
  ["namespaces", NEW_USER + NEW_PID],
  ["oom-score-adj", "100"],
  ["bind", "/dev/null", "/dev/null", 0],
  ["terminal", 80, 24],
  ["seccomp", "/root/seccomp/x.bpf"],
  ["pivot"],
  ["keyring", "marmita-abc"],
  ["user", "cook:kitchen", ["50"], USER.SETS_HOME | USER.KEEPS_GROUPS],
  ["workdir", "/srv"],
  ["capabilities", 7, 7, 7, 4, 4],
  ["no-new-privileges"],
  ["rlimit", "nofile", 7, 10, 20],
  ["init"],
  ["umask", 0o27],
  ["environment", ["PATH=/bin", "A=1", "B=2"]],
  ["command", ["sleep", "1"]],
];
const CONTAINER: ExecContainer = {
  plan: PLAN,
  name: "box",
  keepsGroups: false,
  ambient: ["CAP_CHOWN"],
};

const compiled = (request: Partial<ExecRequest> = {}, container: Partial<ExecContainer> = {}) =>
  execPlan({ ...CONTAINER, ...container }, { command: ["true"], ...request });
const find = (plan: Plan, name: string) => plan.find(([one]) => one === name);

describe("the plan of one more command", () => {
  it("has of the container's plan what is about its command, and nothing that makes it", () => {
    expect(compiled()).toEqual([
      ["join", "/root/live/abc", NEW_USER + NEW_PID, "box"],
      ["oom-score-adj", "100"],
      ["seccomp", "/root/seccomp/x.bpf"],
      ["keyring", "marmita-abc"],
      ["no-new-privileges"],
      ["rlimit", "nofile", 7, 10, 20],
      ["umask", 0o27],
      ["user", "cook:kitchen", ["50"], USER.SETS_HOME | USER.KEEPS_GROUPS],
      ["workdir", "/srv"],
      ["capabilities", 7, 7, 7, 4, 4],
      ["environment", ["PATH=/bin", "A=1", "B=2"]],
      ["command", ["true"]],
    ]);
  });

  it("enters what the container shares with others, too", () => {
    const plan: Plan = [
      ["live", "/live"],
      ["join", "/other", NEW_NET, "other"],
      ["join", "/third", NEW_PID, "third"],
      ["namespaces", 0x2_0000],
      ["become-root", ["/upper"]],
    ];

    expect(compiled({}, { plan }).slice(0, 2)).toEqual([
      ["join", "/live", NEW_USER + NEW_NET + NEW_PID + 0x2_0000, "box"],
      ["become-root", []],
    ]);
  });

  it.each<[string, Partial<ExecRequest>, unknown[]]>([
    ["a user", { user: "1000" }, ["user", "1000", ["50"], USER.SETS_HOME]],
    ["root, which has no ambient ones", { user: "0:0" }, ["capabilities", 7, 7, 7, 0, 0]],
    ["somebody else, who has those asked for", { user: "cook" }, ["capabilities", 7, 7, 7, 1, 1]],
    ["a directory", { workdir: "etc/../usr" }, ["workdir", "/usr"]],
    ["a terminal", { terminal: { columns: 9, rows: 8 } }, ["terminal", 9, 8]],
    [
      "variables",
      { env: { B: "", C: "=", D: undefined } },
      ["environment", ["PATH=/bin", "A=1", "B=", "C=="]],
    ],
    [
      "a terminal, which has a name",
      { terminal: { columns: 0, rows: 0 }, env: { TERM: "dumb" } },
      ["environment", ["PATH=/bin", "A=1", "B=2", "TERM=dumb"]],
    ],
  ])("takes %s", (_, request, operation) => {
    expect(find(compiled(request), String(operation[0]))).toEqual(operation);
  });

  it("keeps groups where nobody may set them", () => {
    const flags = USER.SETS_HOME | USER.KEEPS_GROUPS;

    expect(find(compiled({ user: "0" }, { keepsGroups: true }), "user")).toEqual([
      "user",
      "0",
      ["50"],
      flags,
    ]);
  });
});
