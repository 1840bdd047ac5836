/** Bundles run by what compiles them and by the verb `create`, with nothing kept of them. */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type HelperEvent, type Keeper, runVerb, spawnStarter } from "../../lib/native/helper.ts";
import { encodePlan } from "../../lib/native/plan.ts";
import { parseRuntimeSpec } from "../../lib/oci/parse-runtime-spec.ts";
import type { RuntimeSpec } from "../../lib/oci/runtime-spec.ts";
import { chooseBundleIds } from "../../lib/runtime/bundle-ids.ts";
import { compileBundle } from "../../lib/runtime/compile-bundle.ts";
import { rulesOf } from "../../lib/runtime/seccomp/rules.ts";
import { openGate } from "./bare.ts";

export interface BundleEnd {
  readonly exitCode: number;
  readonly signal: number;
  /** Both of its streams. */
  readonly output: string;
  readonly warnings: readonly string[];
}

/** A start that failed, in the helper's words: `step`, `what`, `errno`. */
export class BundleFailure extends Error {
  readonly event: HelperEvent;

  constructor(event: HelperEvent) {
    super(`${String(event["step"])}: ${String(event["what"])} (errno ${String(event["errno"])})`);
    this.event = event;
  }
}

/**
 * Run the bundle at this directory to its end; its state goes to a new directory of `states`.
 * Rejects as parser and compiler do, and with a `BundleFailure`.
 */
export async function runBareBundle(
  bundle: string,
  { config, states }: { readonly config: string | Uint8Array; readonly states: string },
): Promise<BundleEnd> {
  const { spec, ids, warnings } = await chooseBundleIds(parseRuntimeSpec(config));
  mkdirSync(states, { recursive: true });
  const compiled = compileBundle(spec, {
    id: "bundle",
    bundle,
    ids,
    execFifo: join(states, "exec.fifo"),
    preserveFds: 0,
    noPivot: false,
    noNewKeyring: false,
    filters: states,
    hookState: (status) => `{"id":"bundle","status":${JSON.stringify(status)},"pid":`,
  });
  const plan = join(states, "plan");
  writeFileSync(plan, encodePlan(compiled.plan));
  await compileFilter(spec, states);
  const ended = await run(plan, states);
  return { ...ended, warnings: [...warnings, ...compiled.warnings] };
}

async function compileFilter({ linux }: RuntimeSpec, directory: string): Promise<void> {
  if (linux.seccomp === undefined) return;
  const { text, name } = rulesOf(linux.seccomp);
  const source = join(directory, "rules");
  writeFileSync(source, text);
  const stdin = openSync(source, "r");
  try {
    await runVerb("seccomp", { args: [join(directory, name)], stdin });
  } finally {
    closeSync(stdin);
  }
}

async function run(plan: string, directory: string): Promise<Omit<BundleEnd, "warnings">> {
  const path = join(directory, "output");
  const output = openSync(path, "a");
  const input = openSync("/dev/null", "r");
  try {
    const starter = spawnStarter({
      title: "bundle",
      plan,
      words: ["stay"],
      stdin: input,
      stdout: output,
      stderr: output,
    });
    const { exitCode, signal } = await follow(starter, join(directory, "exec.fifo"));
    return { exitCode, signal, output: readFileSync(path, "utf8") };
  } finally {
    closeSync(output);
    closeSync(input);
  }
}

async function follow(starter: Keeper, fifo: string) {
  let result: HelperEvent | undefined;
  for await (const event of starter.events) {
    if (event.event === "hooks") starter.send("go");
    if (event.event === "created") starter.send("release");
    if (event.event === "released") {
      const told = await openGate(fifo);
      if (told !== "") result = JSON.parse(told) as HelperEvent;
    }
    if (event.event === "failed" || event.event === "exited") result ??= event;
  }
  await starter.ended;
  if (result?.event !== "exited") throw new BundleFailure(result ?? { event: "end" });
  return { exitCode: Number(result["exitCode"]), signal: Number(result["signal"] ?? 0) };
}
