/** Scopes of systemd, by busctl: the group of a container that systemd knows of. */
import { MarmitaError } from "../errors.ts";
import { throwIfAborted } from "../util/abort.ts";
import { Patience } from "../util/patience.ts";
import { errnoOf } from "../util/system-error.ts";
import { groupOf, isMachineRoot, userRuntime } from "./cgroup-host.ts";
import type { SystemdPlace } from "./cgroup-path.ts";

/** A name, and its value as busctl(1) takes them: `["Slice", "s", "user.slice"]`. */
export type UnitProperty = readonly [name: string, type: string, ...words: readonly string[]];

export interface ScopeRequest extends SystemdPlace {
  /** Of the user's own manager, not of the machine's. */
  readonly isUser: boolean;
  /** What is moved into it; a scope ends with the last of its processes. */
  readonly pid: number;
  readonly description: string;
  readonly properties: readonly UnitProperty[];
  readonly signal?: AbortSignal | undefined;
}

const MANAGER = [
  "org.freedesktop.systemd1",
  "/org/freedesktop/systemd1",
  "org.freedesktop.systemd1.Manager",
] as const;
const CALL_TIMEOUT_MS = 30_000;
const LONGEST_MOVE_MS = 30_000;

/** Whose manager a container of ours is for. */
export function isUsersManager(): boolean {
  return !isMachineRoot();
}

/**
 * Make a scope with one process in it, that all of its kind may be delegated to; resolves once the
 * process is there. Throws `UNAVAILABLE` where systemd cannot be asked, `ALREADY_EXISTS` for a unit
 * of that name that is in use, `START_FAILED` for what it refuses.
 */
export async function startScope(request: ScopeRequest): Promise<void> {
  const { unit, isUser } = request;
  let properties = allProperties(request);
  for (let hasReset = false; ;) {
    try {
      await call(isUser, "StartTransientUnit", [
        "ssa(sv)a(sa(sv))",
        unit,
        "fail",
        String(properties.length),
        ...properties.flat(),
        "0",
      ]);
      break;
    } catch (error) {
      const said = saidBy(error);
      const unknown = /Cannot set property (\w+),|Unknown (?:unit )?property '?(\w+)/i.exec(said);
      const name = unknown?.[1] ?? unknown?.[2];
      const rest = properties.filter(([property]) => property !== name);
      if (name !== undefined && rest.length < properties.length) {
        properties = rest; // an older systemd: the files of the group are written all the same
      } else if (/already (?:exists|loaded)|UnitExists/i.test(said) && !hasReset) {
        hasReset = true;
        await call(isUser, "ResetFailedUnit", ["s", unit]).catch(() => undefined);
      } else throw told(error, request);
    }
  }
  await arrival(request);
}

function allProperties(request: ScopeRequest): readonly UnitProperty[] {
  const { slice, pid, description, properties } = request;
  const flags = [
    "Delegate",
    "CPUAccounting",
    "MemoryAccounting",
    "IOAccounting",
    "TasksAccounting",
  ];
  return [
    ["Description", "s", description],
    ["Slice", "s", slice],
    ["PIDs", "au", "1", String(pid)],
    ["DefaultDependencies", "b", "false"],
    // After an end that counts as a failure, as by lack of memory, it would stay otherwise.
    ["CollectMode", "s", "inactive-or-failed"],
    ...flags.map((name): UnitProperty => [name, "b", "true"]),
    ...properties,
  ];
}

/** The call only begins a job; that is done when the process is where it should be. */
async function arrival({ unit, pid, signal }: ScopeRequest): Promise<void> {
  const patience = new Patience();
  const deadline = performance.now() + LONGEST_MOVE_MS;
  while (groupOf(pid)?.endsWith(`/${unit}`) !== true) {
    throwIfAborted(signal);
    if (performance.now() > deadline) {
      throw new MarmitaError("START_FAILED", `systemd has not moved process ${pid} to ${unit}`, {
        step: "cgroup",
        hint: `systemctl ${isUsersManager() ? "--user " : ""}status ${unit} says more`,
        details: { unit },
      });
    }
    await patience.wait(signal);
  }
}

/** End a scope with all that is in it; one that is no more is fine. */
export async function stopScope(unit: string, isUser: boolean): Promise<void> {
  try {
    await call(isUser, "StopUnit", ["ss", unit, "replace"]);
  } catch (error) {
    if (!/not loaded|NoSuchUnit/i.test(saidBy(error))) throw error;
  }
  await call(isUser, "ResetFailedUnit", ["s", unit]).catch(() => undefined);
}

function saidBy(error: unknown): string {
  return error instanceof MarmitaError && typeof error.details["said"] === "string"
    ? error.details["said"]
    : "";
}

function told(error: unknown, { unit }: ScopeRequest): unknown {
  if (!(error instanceof MarmitaError) || error.code !== "START_FAILED") return error;
  const exists = /already (?:exists|loaded)|UnitExists/i.test(saidBy(error));
  if (!exists) return error;
  return new MarmitaError("ALREADY_EXISTS", `systemd has a unit ${unit} already`, {
    step: "cgroup",
    hint: "another container has this cgroupsPath; delete it, or choose another one",
    details: { unit },
    cause: error,
  });
}

async function call(isUser: boolean, method: string, words: readonly string[]): Promise<string> {
  const { execFile } = await import("node:child_process"); // few have systemd make their groups
  const bus = isUser ? "--user" : "--system";
  const options = [bus, `--timeout=${CALL_TIMEOUT_MS / 1_000}`];
  return new Promise((resolve, reject) => {
    const args = [...options, "--", "call", ...MANAGER, method, ...words];
    execFile("busctl", args, { env: environment(isUser) }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(failure(error, { method, said: stderr.trim() }));
    });
  });
}

function environment(isUser: boolean): NodeJS.ProcessEnv {
  return { ...process.env, LC_ALL: "C", ...(isUser && { XDG_RUNTIME_DIR: userRuntime() }) };
}

/** No bus, no systemd at its other end, or no busctl. */
const UNREACHABLE =
  /Failed to (?:connect to|set) bus|No medium found|ServiceUnknown|not provided by any|Host is down|has not been booted/i;

function failure(
  error: Error,
  { method, said }: { readonly method: string; readonly said: string },
): MarmitaError {
  const details = { method, said };
  const isMissing = errnoOf(error) === "ENOENT";
  if (isMissing || UNREACHABLE.test(said)) {
    const why = isMissing ? "there is no busctl" : said;
    return new MarmitaError("UNAVAILABLE", `systemd cannot be asked: ${why}`, {
      step: "cgroup",
      hint: "another manager is chosen by cgroupManager (--cgroup-manager=cgroupfs)",
      details,
    });
  }
  return new MarmitaError("START_FAILED", `systemd refused ${method}: ${said}`, {
    step: "cgroup",
    details,
    cause: error,
  });
}
