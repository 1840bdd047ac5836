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
