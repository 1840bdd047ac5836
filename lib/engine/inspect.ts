/** Containers as `docker inspect` prints them. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { JsonReader, parseJson } from "../util/json.ts";
import { mountJson, volumesJson } from "./mount-json.ts";
import { containerSizes } from "./container-sizes.ts";
import type { EngineContext } from "./context.ts";
import { findHealth, type Health } from "./health.ts";
import { hostConfigJson } from "./host-config.ts";
import { NEVER } from "./inspect-image.ts";
import type { Isolation } from "./options.ts";
import { reached } from "./networking.ts";
import type { ContainerRecord } from "./records.ts";
import { type ContainerState, isAlive } from "./state.ts";

/** A container's network is inside of it; none is known by a name of its own. */
const NETWORK_SETTINGS = {
  Bridge: "",
  SandboxID: "",
  SandboxKey: "",
  Ports: {},
  HairpinMode: false,
  LinkLocalIPv6Address: "",
  LinkLocalIPv6PrefixLen: 0,
  SecondaryIPAddresses: null,
  SecondaryIPv6Addresses: null,
  EndpointID: "",
  Gateway: "",
  GlobalIPv6Address: "",
  GlobalIPv6PrefixLen: 0,
  IPAddress: "",
  IPPrefixLen: 0,
  IPv6Gateway: "",
  MacAddress: "",
  Networks: {},
};

export type ContainerInspection = Awaited<ReturnType<typeof inspectContainer>>;

/** What of a container is asked here. */
interface Inspected {
  readonly record: ContainerRecord;
  state(): Promise<ContainerState>;
}

export interface InspectOptions {
  /** With `SizeRw`, what it has written, and `SizeRootFs`, that and its image: in bytes. */
  readonly size?: boolean | undefined;
}

export async function inspectContainer(
  context: EngineContext,
  inspected: Inspected,
  { size = false }: InspectOptions = {},
) {
  const { record } = inspected;
  const { id, name, createdAt, image, command } = record;
  const bundle = context.paths.container(id);
  const state = await inspected.state(); // first: it knows of containers that are gone
  const isolation = reached(record.isolation, state.network);
  const { process, systemPaths } = await readConfig(join(bundle, "config.json"));
  const [path = "", ...args] = command;
  return {
    Id: id,
    Created: createdAt,
    Path: path,
    Args: args,
    State: { ...stateJson(state), ...healthJson(state, await findHealth(context.paths, record)) },
    Image: image.id ?? "",
    ResolvConfPath: join(bundle, "resolv.conf"),
    HostnamePath: join(bundle, "hostname"),
    HostsPath: join(bundle, "hosts"),
    LogPath: record.log === undefined ? "" : join(bundle, "log"),
    Name: `/${name}`,
    RestartCount: state.restartCount ?? 0,
    Driver: isolation.rootfs,
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: "",
    ExecIDs: null,
    HostConfig: { ...hostConfigJson(record), ...systemPaths, ConsoleSize: process.consoleSize },
    GraphDriver: graphDriverJson(context, record),
    ...(size && (await sizesJson(context, record))),
    Mounts: record.mounts.map((mount) => mountJson(context.paths, mount)),
    Config: configJson(record, process),
    NetworkSettings: NETWORK_SETTINGS,
    Isolation: isolation satisfies Isolation,
  };
}

function configJson(record: ContainerRecord, process: ProcessConfig) {
  const { command, image, labels, confinement } = record;
  return {
    Hostname: record.hostname,
    Domainname: confinement.domainname ?? "",
    User: process.user,
    AttachStdin: record.openStdin,
    AttachStdout: true,
    AttachStderr: true,
    Tty: record.tty,
    OpenStdin: record.openStdin,
    StdinOnce: record.openStdin,
    Env: process.env,
    Cmd: listOrNull(command.slice(record.entrypointWords)),
    Image: image.name,
    WorkingDir: process.cwd,
    Entrypoint: listOrNull(command.slice(0, record.entrypointWords)),
    OnBuild: null,
    Labels: labels,
    ...stopJson(record),
    ...inheritedJson(record),
    Umask: (confinement.umask ?? 0o022).toString(8).padStart(4, "0"),
    Volumes: volumesJson(record.mounts),
  };
}

/** What config.json says of the process. */
type ProcessConfig = Awaited<ReturnType<typeof readConfig>>["process"];

export async function readConfig(path: string) {
  const config = new JsonReader(parseJson(await readFile(path), path), path);
  const process = config.object("process", (json, what) => {
    const fields = new JsonReader(json, what);
    const user = fields.object("user", (value, where) => {
      return new JsonReader(value, where).findText("username") ?? "";
    });
    const consoleSize = fields.findObject("consoleSize", (value, where) => {
      const size = new JsonReader(value, where);
      return [size.size("height"), size.size("width")] as const;
    });
    return {
      user,
      env: fields.findTexts("env") ?? [],
      cwd: fields.text("cwd"),
      consoleSize: consoleSize ?? [0, 0],
    };
  });
  const systemPaths = config.object("linux", (json, what) => {
    const fields = new JsonReader(json, what);
    return {
      MaskedPaths: fields.findTexts("maskedPaths") ?? [],
      ReadonlyPaths: fields.findTexts("readonlyPaths") ?? [],
    };
  });
  return { process, systemPaths };
}

/** As in Docker's Config: what is not asked for is absent. */
function stopJson({ confinement, inherited }: ContainerRecord) {
  const { stopSignal = inherited.StopSignal, stopTimeoutMs } = confinement;
  return {
    ...(stopSignal !== undefined && { StopSignal: stopSignal }),
    ...(stopTimeoutMs !== undefined && {
      StopTimeout: stopTimeoutMs < 0 ? -1 : Math.ceil(stopTimeoutMs / 1_000),
    }),
  };
}

function inheritedJson({ inherited: { ExposedPorts, Healthcheck } }: ContainerRecord) {
  return { ...(ExposedPorts && { ExposedPorts }), ...(Healthcheck && { Healthcheck }) };
}

function listOrNull(words: readonly string[]): readonly string[] | null {
  return words.length === 0 ? null : words;
}

function stateJson(state: ContainerState) {
  const { status, pid = 0, exitCode = 0, error = "", startedAt, finishedAt } = state;
  return {
    Status: status,
    Running: isAlive(state),
    Paused: status === "paused",
    Restarting: status === "restarting",
    OOMKilled: false,
    Dead: false,
    Pid: pid,
    ExitCode: exitCode,
    Error: error,
    StartedAt: startedAt ?? NEVER,
    FinishedAt: finishedAt ?? NEVER,
  };
}

/** As Docker has it: absent without health checks. */
function healthJson({ health: status }: ContainerState, health: Health | undefined) {
  if (health === undefined || status === undefined) return {};
  const Log = health.log.map(({ start, end, exitCode, output }) => {
    return { Start: start, End: end, ExitCode: exitCode, Output: output };
  });
  return { Health: { Status: status, FailingStreak: health.failingStreak, Log } };
}

async function sizesJson(
  context: EngineContext,
  record: ContainerRecord,
): Promise<{ readonly SizeRw?: number; readonly SizeRootFs?: number }> {
  const [size] = await containerSizes(context, [record]);
  return size === undefined ? {} : { SizeRw: size.written, SizeRootFs: size.total };
}

function graphDriverJson(context: EngineContext, { id, image, isolation }: ContainerRecord) {
  const bundle = context.paths.container(id);
  const lowers = image.layers.map((chainId) => context.layers.directory(chainId)).reverse();
  return {
    Name: isolation.rootfs,
    Data: {
      LowerDir: lowers.join(":"),
      UpperDir: join(bundle, "upper"),
      WorkDir: join(bundle, "work"),
      MergedDir: join(bundle, "rootfs"),
    },
  };
}
