/** Tries a row in a container: as it is by default, and with that default taken away. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../../lib/engine/engine.ts";
import { type Plan, decodePlan, encodePlan } from "../../../lib/native/plan.ts";
import { testEngine } from "../engine.ts";
import { probeArchive } from "../images.ts";
import { expectNothingLeft } from "../nothing-left.ts";
import { hostCannot, requireUserNamespaces } from "../user-namespaces.ts";
import { type Host, type Machine, openMachine } from "./machine.ts";
import { type Loosening, type Row, type Section, answers, merged } from "./row.ts";

export interface Place {
  readonly engine: Engine;
  readonly host: Host;
}

/** A test for each row of a section. */
export function describeConfinement(section: Section): void {
  describe.runIf(requireUserNamespaces())(`confinement: ${section.title}`, () => {
    expectNothingLeft();

    let place: Place;
    let hasUsers: boolean;
    let machine: Machine;

    beforeAll(async () => {
      const engine = await testEngine();
      await engine.images.load(probeArchive());
      hasUsers = (await engine.info()).ids !== "single";
      machine = await openMachine();
      place = { engine, host: machine.host };
    });

    afterAll(() => machine.close());

    it.for(section.rows.map((row) => [row.name, row] as const))("%s", async ([, row], { skip }) => {
      const lacks = fault(row, hasUsers);
      if (lacks !== undefined) skip(hostCannot(`try ${row.name}`, lacks));

      const [byDefault, besides, without] = await seen(place, row);

      expect(answers(row.byDefault ?? row.answer), "by default").toContain(byDefault);
      expect(answers(row.answer), "with other defaults taken away").toContain(besides);
      expect(answers(row.otherwise ?? row.answer), "without this default").toContain(without);
    });
  });
}

/** Its answer by default, beside others taken away, and without this default. */
async function seen(place: Place, { tries, beside, without }: Row): Promise<readonly string[]> {
  const byDefault = await attempt(place, tries, []);
  const others = beside === undefined ? [] : [beside];
  const besides = beside === undefined ? byDefault : await attempt(place, tries, others);
  if (without === undefined) return [byDefault, besides, besides];
  return [byDefault, besides, await attempt(place, tries, [...others, without])];
}

/** What the probe prints, in a container made with all of the loosenings. */
export async function attempt(
  { engine, host }: Place,
  tries: readonly string[],
  loosenings: readonly Loosening[],
): Promise<string> {
  const words = filled(tries, host);
  const options = merged(loosenings.map((one) => filled(one.options ?? {}, host)));
  await using box = await engine.containers.create({
    network: "none",
    ...options,
    image: "probe",
    command: ["probe", ...words],
    remove: true,
  });
  const edits = loosenings.flatMap(({ plan }) => (plan === undefined ? [] : [plan]));
  editPlan(join(engine.root, "containers", box.id, "plan"), edits);
  const process = await box.start();
  const [stdout, stderr] = await Promise.all([
    read(process.stdout),
    read(process.stderr),
    process.wait(),
  ]);
  return (stdout + stderr).trim();
}

async function read(stream: Readable | undefined): Promise<string> {
  let all = "";
  for await (const chunk of stream ?? []) all += String(chunk);
  return all;
}

/** With the machine's own in the places of `{name}`. */
function filled<Value>(value: Value, host: Host): Value {
  const text = JSON.stringify(value).replaceAll(/\{(\w+)\}/g, (all, name) => host[name] ?? all);
  return JSON.parse(text) as Value;
}

function editPlan(path: string, edits: readonly ((plan: Plan) => Plan)[]): void {
  if (edits.length === 0) return;
  const plan = edits.reduce((before, edit) => edit(before), decodePlan(readFileSync(path)));
  writeFileSync(path, encodePlan(plan));
}

function fault({ needs = {} }: Row, hasUsers: boolean): string | undefined {
  if (needs.users === true && !hasUsers) return "there is one user only";
  if (needs.cgroup === true && cgroups().every((path) => path === "/")) {
    return "this process is in the root cgroup";
  }
  return needs.path === undefined ? undefined : pathFault(needs.path);
}

function pathFault(path: string): string | undefined {
  if (!existsSync(path)) return `there is no ${path}`;
  const isEmpty = statSync(path).isDirectory() && readdirSync(path).length === 0;
  return isEmpty ? `${path} is empty` : undefined;
}

function cgroups(): readonly string[] {
  const lines = readFileSync("/proc/self/cgroup", "utf8").trim().split("\n");
  return lines.map((line) => line.split(":").slice(2).join(":"));
}
