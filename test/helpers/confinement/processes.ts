/** Rows of what a container's processes are given, and what of others they can touch. */
import { type Section, addCapability } from "./row.ts";

const MACHINE = "the kernel asks for CAP_SYS_RESOURCE in the machine's own user namespace";

export const PROCESSES: Section = {
  title: "processes",
  file: "confinement-processes.test.ts",
  rows: [
    {
      name: "no_new_privs is off",
      keepsOut: "nothing: set-uid programs (`sudo`, `su`) work, within the container's ids",
      by: "not set",
      tries: ["set-uid-in", "/tmp"],
      answer: "user 0",
      without: { words: "`noNewPrivileges: true`", options: { noNewPrivileges: true } },
      otherwise: "user 1000",
      needs: { users: true },
    },
    {
      name: "users other than root have no capabilities",
      keepsOut: "use of the fourteen by a command that does not run as root",
      by: "permitted and effective sets are empty; what `capAdd` names becomes ambient",
      tries: ["syscall", "chown", "/tmp", "1000", "1000"],
      byDefault: "ok",
      beside: { words: "`user: cook`", options: { user: "cook" } },
      answer: "EPERM",
      without: addCapability("CAP_CHOWN"),
      otherwise: "ok",
      needs: { users: true },
    },
    {
      name: "limits are the caller's",
      keepsOut: "more than the caller may use: a hard limit is never raised",
      by: "inherited",
      tries: ["raise-limit"],
      answer: "EPERM",
      without: addCapability("CAP_SYS_RESOURCE"),
      why: MACHINE,
    },
    {
      name: "oom_score_adj is the caller's",
      keepsOut: "being spared when memory runs out, at the machine's cost",
      by: "inherited",
      tries: ["write", "/proc/self/oom_score_adj", "-999"],
      answer: "EACCES",
      without: addCapability("CAP_SYS_RESOURCE"),
      why: MACHINE,
    },
  ],
};
