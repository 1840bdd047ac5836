/** Who answers the system calls of `SCMP_ACT_NOTIFY`: config.json's `listenerPath` → the operation. */
import { MarmitaError } from "../../errors.ts";
import type { Plan } from "../../native/plan.ts";

/** What of `linux.seccomp` is read here. */
export interface ListenerInput {
  readonly defaultAction: string;
  readonly syscalls?: readonly { readonly action: string }[] | undefined;
  readonly flags?: readonly string[] | undefined;
  readonly listenerPath?: string | undefined;
  readonly listenerMetadata?: string | undefined;
}

export interface ListenerState {
  readonly ociVersion: string;
  /** The container's state (runtime-spec, runtime.md, "State"), as JSON up to `"pid":`. */
  readonly state: string;
  /** Of a container that has a process already, to which another is added. */
  readonly pid?: number | undefined;
}

/** Of SECCOMP_FILTER_FLAG_…: what nobody waits for without a listener. */
const NEEDS_LISTENER = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV";

/**
 * To stand before `pivot`, and before `seccomp`. The process connects to the socket then, and sends
 * the state of the container process with the listener's descriptor when it has its filter.
 *
 * Nothing without `SCMP_ACT_NOTIFY`. Throws `INVALID_ARGUMENT` with `details.field` for that without
 * a `listenerPath`, and for what is of no use without.
 */
export function listenerOperations(
  seccomp: ListenerInput | undefined,
  { ociVersion, state, pid }: ListenerState,
): Plan {
  if (seccomp === undefined) return [];
  const { listenerPath = "", listenerMetadata = "", flags = [] } = seccomp;
  const needs = needsListener(seccomp);
  if (needs && listenerPath === "") {
    throw wrong("listenerPath", "be there: SCMP_ACT_NOTIFY has somebody answer");
  }
  if (!needs && flags.includes(NEEDS_LISTENER)) {
    throw wrong("flags", `be without ${NEEDS_LISTENER} where nothing has SCMP_ACT_NOTIFY`);
  }
  if (listenerPath === "" && listenerMetadata !== "") {
    throw wrong("listenerMetadata", "be there only beside a listenerPath");
  }
  if (!needs) return [];
  if (!listenerPath.startsWith("/")) throw wrong("listenerPath", "be an absolute path");
  const metadata = listenerMetadata === "" ? {} : { metadata: listenerMetadata };
  const head = JSON.stringify({ ociVersion, fds: ["seccompFd"], ...metadata }).slice(0, -1);
  // The helper puts the process's number behind each text, and the last brace.
  const before = `${head},"state":${state}`;
  const between = `},"pid":`;
  if (pid === undefined) return [["seccomp-listener", listenerPath, before, between]];
  return [["seccomp-listener", listenerPath, `${before}${pid}${between}`, ""]];
}

/** Whether somebody has to answer for some system call. */
export function needsListener({ defaultAction, syscalls = [] }: ListenerInput): boolean {
  return [defaultAction, ...syscalls.map(({ action }) => action)].includes("SCMP_ACT_NOTIFY");
}

function wrong(name: string, expectation: string): MarmitaError {
  const field = `linux.seccomp.${name}`;
  return new MarmitaError(
    "INVALID_ARGUMENT",
    `config.json: ${field}: expected it to ${expectation}`,
    {
      details: { field },
    },
  );
}
