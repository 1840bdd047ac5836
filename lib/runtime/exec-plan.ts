/** From a container's plan to that of one more command in it, while it runs. */
import { posix } from "node:path";
import type { Operation, OperationName, Plan } from "../native/plan.ts";
import { USER } from "../native/plan.ts";
import { capabilityMask, type CapabilityName } from "./capabilities.ts";

/** What may be asked of the command; the rest is as for the container's own. */
export interface ExecRequest {
  readonly command: readonly string[];
  /** `user[:group]`, looked up in the container. */
  readonly user?: string | undefined;
  /** In the container's root where it is relative. */
  readonly workdir?: string | undefined;
  /** Beside the container's variables, or in their place. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Present: it has a terminal of this size; 0 is a size that is not known. */
  readonly terminal?: { readonly columns: number; readonly rows: number } | undefined;
}

/** What a plan does not tell of its container. */
export interface ExecContainer {
  readonly plan: Plan;
  /** What it is called now, for error texts. */
  readonly name: string;
  /** Whether the processes in it keep the groups they have, whoever they are. */
  readonly keepsGroups: boolean;
  /** What a user who is not root has of capabilities. */
  readonly ambient: readonly CapabilityName[];
}

const CLONE_NEWUSER = 0x1000_0000;

/** What is about the command of a container is about every other one in it, too. */
const KEPT = new Set<OperationName>([
  "oom-score-adj",
  "seccomp",
  "keyring",
  "no-new-privileges",
  "rlimit",
  "umask",
]);

export function execPlan(container: ExecContainer, request: ExecRequest): Plan {
  const { plan } = container;
  const { terminal, command } = request;
  return [
    joinOperation(container),
    ...(find(plan, "become-root") === undefined ? [] : [["become-root", []] as const]),
    ...plan.filter(([name]) => KEPT.has(name)),
    ...(terminal === undefined ? [] : [["terminal", terminal.columns, terminal.rows] as const]),
    userOperation(container, request.user),
    ["workdir", posix.resolve("/", request.workdir ?? find(plan, "workdir")?.[1] ?? "/")],
    capabilitiesOperation(container, request.user),
    ["environment", environment(find(plan, "environment")?.[1] ?? [], request)],
    ["command", command],
  ];
}

type OperationOf<Name extends OperationName> = Extract<Operation, readonly [Name, ...unknown[]]>;

function find<Name extends OperationName>(plan: Plan, name: Name): OperationOf<Name> | undefined {
  return plan.find((one): one is OperationOf<Name> => one[0] === name);
}

/** All namespaces it does not share with this machine; those of other containers are its own. */
function joinOperation({ plan, name }: ExecContainer): Operation {
  const joined = plan.flatMap((one) => (one[0] === "join" ? [Number(one[2])] : []));
  const own = Number(find(plan, "namespaces")?.[1] ?? 0);
  const flags = [CLONE_NEWUSER, own, ...joined].reduce((all, some) => all | some, 0) >>> 0;
  return ["join", find(plan, "live")?.[1] ?? "", flags, name];
}

function userOperation({ plan, keepsGroups }: ExecContainer, user: string | undefined): Operation {
  const own = find(plan, "user") ?? (["user", "0:0", [], USER.SETS_HOME] as const);
  if (user === undefined) return own;
  const flags = USER.SETS_HOME | (keepsGroups ? USER.KEEPS_GROUPS : 0);
  return ["user", user, own[2], flags];
}

/** As a container with that user would have them (process-spec.ts). */
function capabilitiesOperation(
  { plan, ambient }: ExecContainer,
  user: string | undefined,
): Operation {
  const own = find(plan, "capabilities") ?? (["capabilities", 0, 0, 0, 0, 0] as const);
  if (user === undefined) return own;
  const [, bounding] = own;
  const mask = isRoot(user) ? 0 : capabilityMask(ambient);
  return ["capabilities", bounding, bounding, bounding, mask, mask];
}

function isRoot(user: string): boolean {
  return /^(?:0|root)?(?::|$)/.test(user);
}

/** Each name once, the caller's last. */
function environment(
  own: readonly string[],
  { env = {}, terminal }: ExecRequest,
): readonly string[] {
  const variables = new Map(own.map((line) => [nameOf(line), line]));
  if (terminal !== undefined && !variables.has("TERM")) variables.set("TERM", "TERM=xterm");
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined) variables.set(name, `${name}=${value}`);
  }
  return [...variables.values()];
}

function nameOf(line: string): string {
  const at = line.indexOf("=");
  return at < 0 ? line : line.slice(0, at);
}
