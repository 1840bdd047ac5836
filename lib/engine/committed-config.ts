/** What an image made of a container says of its own containers: what this one had, as Docker has it. */
import type { ContainerDefaults } from "../oci/image-config.ts";
import { emptyObjects } from "../oci/image-config.ts";
import { DEFAULT_PATH } from "../runtime/process-spec.ts";
import type { ContainerRecord } from "./records.ts";

/** What the container's config.json says of its process. */
export interface CommittedProcess {
  readonly env: readonly string[];
  readonly cwd: string;
  /** `user`, `user:group`, by name or number. */
  readonly user: string;
}

export interface CommitSource {
  readonly record: ContainerRecord;
  readonly process: CommittedProcess;
  /** What its image says. */
  readonly image: ContainerDefaults;
  /** Who the caller is inside, where that is not the container's root. */
  readonly kept?: { readonly uid: number; readonly gid: number } | undefined;
}

/**
 * Docker's config of a container, which is what its image says with what was asked for over it.
 * What an image's next builder would carry out (ONBUILD) is not handed on, as in Docker and Podman.
 */
export function committedConfig(source: CommitSource): ContainerDefaults {
  const { record, image } = source;
  const { inherited, confinement, labels, entrypointWords } = record;
  const volumes = record.mounts.flatMap((mount) => {
    return mount.type === "volume" && mount.anonymous === true ? [mount.target] : [];
  });
  return withoutAbsent({
    User: userOf(source),
    ExposedPorts: inherited.ExposedPorts,
    Env: filled(environmentOf(source)),
    Entrypoint: filled(record.command.slice(0, entrypointWords)),
    Cmd: filled(record.command.slice(entrypointWords)),
    Volumes: filledSet({ ...image.Volumes, ...emptyObjects(volumes) }),
    WorkingDir: workdirOf(source),
    Labels: filledSet(labels),
    StopSignal: confinement.stopSignal ?? inherited.StopSignal,
    Healthcheck: inherited.Healthcheck,
    Shell: image.Shell,
  });
}

/** Without what every container gets, whatever its image says. */
function environmentOf({ record, process, image }: CommitSource): readonly string[] {
  const given = new Set([
    `PATH=${DEFAULT_PATH}`,
    `HOSTNAME=${record.hostname}`,
    ...(record.tty ? ["TERM=xterm"] : []),
  ]);
  const names = new Set((image.Env ?? []).map(nameIn));
  return process.env.filter((line) => !given.has(line) || names.has(nameIn(line)));
}

function nameIn(line: string): string {
  return line.slice(0, line.indexOf("="));
}

/** Nobody asked for root; nor for the caller, where everybody stays who they are. */
function userOf({ process: { user }, image, kept }: CommitSource): string | undefined {
  const ofImage = image.User === "" ? undefined : image.User;
  const isCaller = kept !== undefined && user === `${kept.uid}:${kept.gid}`;
  return isCaller || (user === "0" && ofImage === undefined) ? ofImage : user;
}

/** The root directory is where nobody asked to be. */
function workdirOf({ process: { cwd }, image }: CommitSource): string | undefined {
  return cwd === "/" && (image.WorkingDir ?? "") === "" ? undefined : cwd;
}

function filled(words: readonly string[]): readonly string[] | undefined {
  return words.length === 0 ? undefined : words;
}

function filledSet<T extends object>(set: T): T | undefined {
  return Object.keys(set).length === 0 ? undefined : set;
}

function withoutAbsent(defaults: ContainerDefaults): ContainerDefaults {
  return Object.fromEntries(Object.entries(defaults).filter(([, value]) => value !== undefined));
}
