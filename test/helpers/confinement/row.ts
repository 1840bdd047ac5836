/** One of Docker's defaults, what it keeps out, and how a container tries it. */
import type { CapabilityName } from "../../../lib/runtime/capabilities.ts";
import type { ContainerOptions } from "../../../lib/engine/container-options.ts";
import type { Operation, OperationName, Plan } from "../../../lib/native/plan.ts";

/** Of the capabilities there are, the bits. */
const ALL = 2 ** 41 - 1;

export interface Row {
  /** The default; also the title of its test. */
  readonly name: string;
  readonly keepsOut: string;
  readonly by: string;
  /** Words of the probe program (fixtures/probe). `{pid}` and the like stand for Host's. */
  readonly tries: readonly string[];
  /** What it answers; one of these where machines differ. */
  readonly answer: Answer;
  /** Where another default gives what this one denies: what it answers with both as they are. */
  readonly byDefault?: Answer;
  /** Takes away other defaults, so that only this one answers. */
  readonly beside?: Loosening;
  /** Takes the default away. */
  readonly without?: Loosening;
  /** What the same words answer then, none of it in `answer`. Left out: the same as before. */
  readonly otherwise?: Answer;
  /** Where nothing else is answered otherwise: what else denies it, or why it cannot be taken away. */
  readonly why?: string;
  readonly needs?: Needs;
}

/** What not every machine has. */
export interface Needs {
  /** Ids beside the first one. */
  readonly users?: true;
  /** A file, or a directory with something in it. */
  readonly path?: string;
  /** A cgroup of the caller that is not the root. */
  readonly cgroup?: true;
}

export type Answer = string | readonly string[];

/** A way to make a container with one default less. */
export interface Loosening {
  readonly words: string;
  readonly options?: ContainerOptions;
  /** Where no option says it. */
  readonly plan?: (plan: Plan) => Plan;
}

export function answers(answer: Answer): readonly string[] {
  return typeof answer === "string" ? [answer] : answer;
}

export interface Section {
  readonly title: string;
  /** The file of its tests, which docs/confinement.md links. */
  readonly file: string;
  readonly rows: readonly Row[];
}

/** Without the operations of that name, or those of them that `matches`. */
export function withoutOperation(
  name: OperationName,
  matches: (operation: Operation) => boolean = () => true,
): NonNullable<Loosening["plan"]> {
  return (plan) => {
    const kept = plan.filter((one) => one[0] !== name || !matches(one));
    if (kept.length === plan.length) throw new Error(`the plan has no such operation: ${name}`);
    return kept;
  };
}

/** With one operation changed. */
export function withOperation<Name extends OperationName>(
  name: Name,
  change: (operation: Extract<Operation, readonly [Name, ...unknown[]]>) => Operation,
): NonNullable<Loosening["plan"]> {
  return (plan) => plan.map((one) => (one[0] === name ? change(one as never) : one));
}

export const UNCONFINED: Loosening = {
  words: '`seccomp: "unconfined"`',
  options: { seccomp: "unconfined" },
};

/** The kernel's own checks of capabilities pass; the filter is that of a container without. */
export const allCapabilities: Loosening = {
  words: "with every capability",
  plan: withOperation("capabilities", ([name]) => [name, ALL, ALL, ALL, 0, 0]),
};

/** One after the other. */
export function both(...loosenings: readonly Loosening[]): Loosening {
  return {
    words: loosenings.map(({ words }) => words).join(", "),
    options: merged(loosenings.map(({ options = {} }) => options)),
    plan: (plan) => loosenings.reduce((before, one) => one.plan?.(before) ?? before, plan),
  };
}

/** Lists are put together; of everything else the last counts. */
export function merged(all: readonly ContainerOptions[]): ContainerOptions {
  const entries = new Map<string, unknown>();
  for (const [name, value] of all.flatMap((options) => Object.entries(options))) {
    const before = entries.get(name);
    const isList = Array.isArray(before) && Array.isArray(value);
    entries.set(name, isList ? [...(before as unknown[]), ...(value as unknown[])] : value);
  }
  return Object.fromEntries(entries);
}

export function addCapability(name: CapabilityName): Loosening {
  return { words: `\`capAdd\`: ${name}`, options: { capAdd: [name] } };
}

export function dropCapability(name: CapabilityName): Loosening {
  return { words: `\`capDrop\`: ${name}`, options: { capDrop: [name] } };
}

/** The file system mounted there with other flags, or without those of its options. */
export function changeMount(
  target: string,
  change: { readonly attributes?: number; readonly without?: RegExp },
): NonNullable<Loosening["plan"]> {
  return withOperation("mount", (one) => {
    const [name, type, source, path, attributes, data] = one;
    if (path !== target) return one;
    const kept = data.filter((option) => change.without?.test(option) !== true);
    return [name, type, source, path, change.attributes ?? attributes, kept];
  });
}
