/** What a new container is: its config.json, its plan, its record. */
import { hostname } from "node:os";
import { join } from "node:path";
import type { Plan } from "../native/plan.ts";
import type { RuntimeSpec } from "../oci/runtime-spec.ts";
import { compile } from "../runtime/compile.ts";
import { execPlan } from "../runtime/exec-plan.ts";
import { healthCheckPlan, mergeHealthcheck } from "../runtime/healthcheck.ts";
import { KEEP_GROUPS } from "../runtime/confinement.ts";
import { hasCgroup2 } from "../runtime/filesystems.ts";
import type { HostFiles } from "../runtime/host-files.ts";
import type { IdMapping } from "../runtime/id-maps.ts";
import { networkSysctls } from "../runtime/machine.ts";
import { ensureFilter } from "../runtime/seccomp/filters.ts";
import { rulesOf } from "../runtime/seccomp/rules.ts";
import type { NetworkChoice } from "../runtime/network.ts";
import { createSpec } from "../runtime/spec.ts";
import {
  type AskedSize,
  hostnameOf,
  type ImageDefaults,
  labelsOf,
  type SpecInput,
} from "../runtime/spec-input.ts";
import type { KeptIds } from "../runtime/userns.ts";
import type { Paths } from "../store/paths.ts";
import { confinementOf } from "./confinement-checks.ts";
import type { CreateOptions } from "./container-options.ts";
import type { EngineContext } from "./context.ts";
import { eventAttributes } from "./events.ts";
import type { Home } from "./kept-context.ts";
import type { JoinedContainer } from "./joins.ts";
import { recordedLog } from "./log-options.ts";
import type { StdinOption } from "./options.ts";
import type { PreparedMounts } from "./prepare-mounts.ts";
import { networkingOf } from "./network-modes.ts";
import { chooseNetworkOf, describeNetwork } from "./networking.ts";
import type { ContainerRecord, InheritedDefaults } from "./records.ts";
import { parseRestart } from "./restart-policy.ts";
import type { RootLayout, RootSource } from "./roots.ts";
import { type SecurityHere, securityHere } from "./security.ts";
import { snapshotTrash } from "./snapshots.ts";
import { recordedOptions } from "./fork-options.ts";

/** How a container will be started, as far as its description tells of it. */
export interface ExpectedStart extends AskedSize {
  readonly stdin?: StdinOption | undefined;
  readonly detach?: boolean | undefined;
}

export interface DescribeRequest {
  readonly id: string;
  readonly name: string;
  /** Checked. */
  readonly options: CreateOptions;
  /** Absent where it is made to be kept as it is. */
  readonly start?: ExpectedStart | undefined;
  readonly mounts: PreparedMounts;
  readonly mapping: IdMapping;
  readonly source: RootSource;
  readonly home: Pick<Home, "kept" | "hasRoot">;
  readonly layout: RootLayout;
  /** Whose namespaces it shares. */
  readonly joins: readonly JoinedContainer[];
}

/** The name of the plan of its health checks, in its bundle. */
export const HEALTH_PLAN = "health-plan";

export interface Description {
  readonly record: ContainerRecord;
  readonly spec: RuntimeSpec;
  readonly plan: Plan;
  /** What its keeper carries out to see whether it is well. */
  readonly healthPlan: Plan | undefined;
  readonly files: HostFiles;
}

export async function describe(
  { paths }: EngineContext,
  request: DescribeRequest,
): Promise<Description> {
  const { id, name, mapping, source, layout, mounts, joins, options, home } = request;
  const choice = await chooseNetworkOf(options, joins);
  const host = joins.find(({ namespaces }) => namespaces.includes("network"));
  const bundle = paths.container(id);
  const here = await securityHere(options);
  const { security } = here;
  const input: SpecInput = {
    id,
    bundle,
    mapping,
    image: source.defaults,
    ...(host !== undefined && { etc: paths.container(host.record.id) }),
    options: {
      ...options,
      ...(home.kept !== undefined && { user: options.user ?? userOf(home.kept) }),
      hostname: options.hostname ?? host?.record.hostname,
      mounts: mounts.requests,
      network: choice.level,
    },
    machineName: hostname(),
    keep: source.keep ?? (home.hasRoot ? undefined : home.kept),
    joins,
    terminalSize: request.start,
    sysctl: await networkSysctls(choice.level),
    security,
  };
  const spec = createSpec(input);
  if (spec.linux.seccomp !== undefined) await ensureFilter(paths, rulesOf(spec.linux.seccomp));
  const machine = hostnameOf(input);
  const { files, context } = describeNetwork(choice, options, { hostname: machine, name });
  const plan = compile(spec, {
    id,
    bundle,
    mapping,
    rootfs: layout.rootfs,
    joins,
    ...mounts.compiled,
    fuse: source.fuse,
    snapshots: (layout.snapshots ?? []).map((snapshot) => ({
      directory: paths.snapshot(snapshot),
      trash: snapshotTrash(paths, snapshot),
    })),
    title: name,
    ...keepingOf(paths, request),
    filters: paths.seccomp,
    becomesRoot: home.hasRoot,
    init: options.init,
    groupNames: (options.groupAdd ?? []).filter(isGroupName),
    network: context,
    hasCgroup2: hasCgroup2(),
  });
  const record = recordOf({ ...request, here, choice, machine }, spec);
  return { record, spec, plan, healthPlan: healthPlanOf(request, plan), files };
}

function healthOf({ source, options }: DescribeRequest) {
  const { Healthcheck, Shell } = source.defaults;
  return healthCheckPlan(mergeHealthcheck(Healthcheck, options.healthcheck), Shell ?? undefined);
}

/** As `exec` would run it in the container. */
function healthPlanOf(request: DescribeRequest, plan: Plan): Plan | undefined {
  const health = healthOf(request);
  const { name } = request;
  const container = { plan, name, keepsGroups: false, ambient: [] }; // its own user
  return health && execPlan(container, { command: health.command });
}

/** What its keeper does for it as long as it lives, and after. */
function keepingOf(paths: Paths, request: DescribeRequest) {
  const { id, name, layout, options } = request;
  const log = recordedLog({ ...options, start: request.start });
  const trash = join(paths.trash, id);
  const health = healthOf(request);
  return {
    live: join(paths.live, id),
    name: paths.name(name),
    remove: options.remove === true ? { trash, trees: layout.trees } : undefined,
    log: log && { ...log, path: join(paths.container(id), "log") },
    openStdin: opensStdin(request),
    restart: parseRestart(options.restart ?? "no"),
    health: health && { ...health, plan: join(paths.container(id), HEALTH_PLAN) },
    events: { path: paths.events, attributes: eventAttributesOf(request) },
  };
}

function eventAttributesOf({ source, options }: DescribeRequest) {
  return eventAttributes(source.image, labelsOf(source.defaults, options));
}

/** Where that is not said, by how it will be started. */
function opensStdin({ options, start }: DescribeRequest): boolean {
  return options.openStdin ?? (start?.stdin ?? "ignore") !== "ignore";
}

function userOf({ uid, gid }: KeptIds): string {
  return `${uid}:${gid}`;
}

function isGroupName(group: string): boolean {
  return !/^\d{1,10}$/.test(group) && group !== KEEP_GROUPS;
}

interface RecordRequest extends DescribeRequest {
  readonly here: SecurityHere;
  readonly choice: NetworkChoice;
  /** The name it has for itself. */
  readonly machine: string;
}

function recordOf(request: RecordRequest, spec: RuntimeSpec): ContainerRecord {
  const { id, name, mapping, source, layout, mounts, joins, options } = request;
  const { here, choice, machine } = request;
  const log = recordedLog({ ...options, start: request.start });
  const restart = parseRestart(options.restart ?? "no");
  return {
    id,
    name,
    createdAt: new Date().toISOString(),
    image: source.image,
    command: spec.process.args,
    entrypointWords: entrypointWords(options, source.defaults),
    hostname: machine,
    labels: labelsOf(source.defaults, options),
    mounts: mounts.recorded,
    ...(options.volumesFrom === undefined ? {} : { volumesFrom: options.volumesFrom }),
    networking: networkingOf(options, choice.level),
    readOnly: options.readOnly === true,
    tty: options.tty === true,
    openStdin: opensStdin(request),
    remove: options.remove === true,
    ...(log === undefined ? {} : { log }),
    ...(restart === undefined ? {} : { restart }),
    isolation: {
      ids: mapping.mode,
      rootfs: source.driver,
      network: choice.level,
      ...(choice.reason === undefined ? {} : { networkReason: choice.reason }),
      seccomp: here.seccomp,
      notes: [
        ...(mapping.reason === undefined ? [] : [mapping.reason]),
        ...here.notes,
        ...layout.notes,
        ...mounts.notes,
        ...choice.notes,
      ],
    },
    security: here.recorded,
    ...(joins.length === 0 ? {} : { joins: joins.map(({ record }) => record.id) }),
    confinement: confinementOf(options),
    inherited: inheritedOf(source.defaults, options),
    trees: layout.trees,
    ...((layout.snapshots ?? []).length > 0 && { snapshots: layout.snapshots }),
    options: recordedOptions(options),
  };
}

/** But for the health check, which may be changed. */
function inheritedOf(
  { StopSignal, ExposedPorts, Healthcheck }: ImageDefaults,
  { healthcheck }: CreateOptions,
): InheritedDefaults {
  return { StopSignal, ExposedPorts, Healthcheck: mergeHealthcheck(Healthcheck, healthcheck) };
}

function entrypointWords(
  { entrypoint }: CreateOptions,
  { Entrypoint: inherited }: ImageDefaults,
): number {
  if (entrypoint === undefined) return inherited?.length ?? 0;
  if (typeof entrypoint === "string") return entrypoint === "" ? 0 : 1;
  return entrypoint?.length ?? 0;
}
