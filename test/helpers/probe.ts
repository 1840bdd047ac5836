/** What `probe report` prints (fixtures/probe/report.c), as a type. */

export interface ProbeReport {
  readonly argv: readonly string[];
  readonly env: readonly string[];
  /** Real, effective, saved. */
  readonly uids: readonly [number, number, number];
  readonly gids: readonly [number, number, number];
  readonly groups: readonly number[];
  readonly pid: number;
  readonly ppid: number;
  readonly session: number;
  readonly group: number;
  readonly cwd: string;
  readonly umask: number;
  readonly hostname: string;
  readonly domainname: string;
  readonly dumpable: number;
  readonly deathSignal: number;
  /** Number → what it is open on. */
  readonly fds: Readonly<Record<string, string>>;
  /** Signal numbers. */
  readonly blocked: readonly number[];
  readonly ignored: readonly number[];
  /** The lines of /proc/self/status: CapEff, NoNewPrivs, Seccomp, … */
  readonly status: Readonly<Record<string, string>>;
  /** Soft and hard; -1 is unlimited. */
  readonly limits: Readonly<Record<string, readonly [number, number]>>;
  readonly namespaces: Readonly<Record<string, string>>;
  /** The lines of /proc/self/mountinfo. */
  readonly mounts: readonly string[];
  readonly uidMap: readonly string[];
  readonly gidMap: readonly string[];
}

/** Read a report. */
export function parseReport(text: string): ProbeReport {
  return JSON.parse(text) as ProbeReport;
}

/** The answers of `probe try CALL…`: call → "ok" or the name of an errno. */
export function parseAnswers(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    text
      .trim()
      .split("\n")
      .map((line) => line.split(" ", 2) as [string, string]),
  );
}

export interface SyscallAnswer {
  readonly line: string;
  readonly number: number;
  /** `undefined` where no system call has the number. */
  readonly name: string | undefined;
  /** "ok", the name of an errno, `killed N`, `ended` or `waits`. */
  readonly answer: string;
}

/** The answers of `probe syscalls`. */
export function parseSyscalls(text: string): readonly SyscallAnswer[] {
  const lines = text.trim().split("\n");
  return lines.map((line) => {
    const [number = "", name = "", ...answer] = line.split(" ");
    return {
      line,
      number: Number(number),
      name: name === "-" ? undefined : name,
      answer: answer.join(" "),
    };
  });
}
