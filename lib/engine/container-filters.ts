/** Which containers a list is to have. */
import type { Image } from "../images/image.ts";
import { childrenOf } from "../images/parent.ts";
import { MarmitaError } from "../errors.ts";
import type { EngineContext } from "./context.ts";
import type { HealthStatus } from "./health.ts";
import { findContainer, noSuchContainer } from "./find.ts";
import type { ContainerRecord } from "./records.ts";
import type { ContainerState, ContainerStatus } from "./state.ts";

/** All that is given has to hold; of several values of one kind, one has to, but of labels all. */
export interface ContainerFilters {
  /** Only those that run, are paused, or are about to be started again. Default: false. */
  readonly running?: boolean | undefined;
  /** Starts of ids. */
  readonly ids?: readonly string[] | undefined;
  /** Regular expressions, of which one matches somewhere in the name, with or without a `/` before. */
  readonly names?: readonly string[] | undefined;
  /** `key`, or `key=value`. */
  readonly labels?: readonly string[] | undefined;
  readonly statuses?: readonly ContainerStatus[] | undefined;
  /** Of those that have ended. */
  readonly exitCodes?: readonly number[] | undefined;
  /** Images, by name or id, that it was made from, or that its image was made from. */
  readonly ancestors?: readonly string[] | undefined;
  /** Made before that container, which is a name, an id, or the start of one. */
  readonly before?: string | undefined;
  /** Made after that container. */
  readonly since?: string | undefined;
  /** What their health checks say; `none` of those that have none. */
  readonly health?: readonly (HealthStatus | "none")[] | undefined;
  /** What it has mounted: names of volumes, paths on this machine, or paths in it. */
  readonly volumes?: readonly string[] | undefined;
  /** Modes of networks; `bridge` is `private`. */
  readonly networks?: readonly string[] | undefined;
  /** Ports that the image says it listens on: `80`, `80/tcp`, `8000-8010/udp`. */
  readonly exposed?: readonly string[] | undefined;
}

export interface ListContainersOptions extends ContainerFilters {
  /** Only the newest so many of those that pass the filters. Default: all. */
  readonly last?: number | undefined;
  /** With their sizes: their files are looked through. Default: false. */
  readonly size?: boolean | undefined;
}

/** What a filter is asked about. */
export interface Filterable extends ContainerRecord {
  readonly state: ContainerState;
}

export type ContainerTest = (container: Filterable) => boolean;

/** Of one id, before anything of the container is read. */
export type IdTest = (id: string) => boolean;

/** The states that a list shows without being asked for others. */
const RUNNING: ReadonlySet<ContainerStatus> = new Set(["running", "paused", "restarting"]);

export function idTest({ ids = [] }: ContainerFilters): IdTest {
  if (ids.length === 0) return () => true;
  return (id) => ids.some((start) => start !== "" && id.startsWith(start));
}

/**
 * Whether only containers with a file in live/ can pass: then nobody need look at the others.
 */
export function isOfLiveOnly({ running = false, statuses = [] }: ContainerFilters): boolean {
  return running || (statuses.length > 0 && statuses.every((status) => RUNNING.has(status)));
}

/** Throws `INVALID_ARGUMENT` for what is no pattern or port, `NOT_FOUND` for `before` and `since`. */
export async function containerTest(
  context: EngineContext,
  filters: ContainerFilters,
): Promise<ContainerTest> {
  const tests: ContainerTest[] = [
    ...stateTests(filters),
    ...nameTests(filters),
    ...labelTests(filters),
    ...mountTests(filters),
    ...networkTests(filters),
    ...portTests(filters),
    ...(await ageTests(context, filters)),
    ...(await ancestorTests(context, filters)),
  ];
  return (container) => tests.every((test) => test(container));
}

function stateTests({ running, statuses, exitCodes, health }: ContainerFilters): ContainerTest[] {
  const tests: ContainerTest[] = [];
  if (running === true) tests.push(({ state }) => RUNNING.has(state.status));
  if (statuses !== undefined && statuses.length > 0) {
    tests.push(({ state }) => statuses.includes(state.status));
  }
  if (health !== undefined && health.length > 0) {
    tests.push(({ state }) => health.includes(state.health ?? "none"));
  }
  if (exitCodes !== undefined && exitCodes.length > 0) {
    tests.push(({ state }) => {
      return state.status === "exited" && exitCodes.includes(state.exitCode ?? 0);
    });
  }
  return tests;
}

function nameTests({ names = [] }: ContainerFilters): ContainerTest[] {
  if (names.length === 0) return [];
  const patterns = names.map(pattern);
  return [({ name }) => patterns.some((one) => one.test(name) || one.test(`/${name}`))];
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (cause) {
    const why = `expected a regular expression, got ${JSON.stringify(text)}`;
    throw new MarmitaError("INVALID_ARGUMENT", why, { cause });
  }
}

function labelTests({ labels: wanted = [] }: ContainerFilters): ContainerTest[] {
  return wanted.map((label): ContainerTest => {
    const equals = label.indexOf("=");
    const key = equals < 0 ? label : label.slice(0, equals);
    return ({ labels }) => {
      if (!Object.hasOwn(labels, key)) return false;
      return equals < 0 || labels[key] === label.slice(equals + 1);
    };
  });
}

function mountTests({ volumes = [] }: ContainerFilters): ContainerTest[] {
  if (volumes.length === 0) return [];
  const wanted = new Set(volumes);
  return [
    ({ mounts }) =>
      mounts.some((mount) => {
        return wanted.has(mount.target) || (mount.type !== "tmpfs" && wanted.has(mount.source));
      }),
  ];
}

function networkTests({ networks = [] }: ContainerFilters): ContainerTest[] {
  if (networks.length === 0) return [];
  const plain = (mode: string): string => (mode === "bridge" ? "private" : mode);
  const wanted = new Set(networks.map(plain));
  return [({ networking }) => wanted.has(plain(networking.mode))];
}

function portTests({ exposed = [] }: ContainerFilters): ContainerTest[] {
  if (exposed.length === 0) return [];
  const wanted = exposed.map(parsePorts);
  return [
    ({ inherited }) => {
      return Object.keys(inherited.ExposedPorts ?? {}).some((text) => {
        const [number = "", protocol = "tcp"] = text.split("/");
        const port = Number(number);
        return wanted.some((range) => {
          return range.protocol === protocol && range.first <= port && port <= range.last;
        });
      });
    },
  ];
}

export interface PortRange {
  readonly first: number;
  readonly last: number;
  readonly protocol: string;
}

/** `80`, `80/udp`, `8000-8010/tcp`. Throws `INVALID_ARGUMENT`. */
export function parsePorts(text: string): PortRange {
  const [, from, to = from, protocol = "tcp"] =
    /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(text) ?? [];
  const first = Number(from);
  const last = Number(to);
  if (first >= 0 && first <= last && last <= 65_535) {
    return { first, last, protocol: protocol.toLowerCase() };
  }
  const why = `expected a port or a range of ports as "80", "80/tcp" or "8000-8010/udp"`;
  throw new MarmitaError("INVALID_ARGUMENT", `${why}, got ${JSON.stringify(text)}`);
}

async function ageTests(
  context: EngineContext,
  { before, since }: ContainerFilters,
): Promise<ContainerTest[]> {
  const tests: ContainerTest[] = [];
  if (before !== undefined) {
    const limit = await get(context, before);
    tests.push((one) => byAge(one, limit) > 0);
  }
  if (since !== undefined) {
    const limit = await get(context, since);
    tests.push((one) => byAge(one, limit) < 0);
  }
  return tests;
}

async function get({ paths }: EngineContext, nameOrId: string): Promise<ContainerRecord> {
  const record = await findContainer(paths, nameOrId);
  if (record === undefined) throw noSuchContainer(nameOrId);
  return record;
}

/** The order of lists: the newest first; always the same one of two that were made at once. */
export function byAge(
  one: Pick<ContainerRecord, "createdAt" | "id">,
  other: Pick<ContainerRecord, "createdAt" | "id">,
): number {
  if (one.createdAt !== other.createdAt) return one.createdAt < other.createdAt ? 1 : -1;
  if (one.id === other.id) return 0;
  return one.id < other.id ? 1 : -1;
}

/** An image that is not there has no containers, as in Docker. */
async function ancestorTests(
  { library }: EngineContext,
  { ancestors = [] }: ContainerFilters,
): Promise<ContainerTest[]> {
  if (ancestors.length === 0) return [];
  const images = await library.list({});
  const ids = new Set<string>();
  for (const name of ancestors) {
    const ancestor = await library.find(name);
    if (ancestor === undefined) continue;
    const family: readonly Image[] = [ancestor, ...childrenOf(ancestor, images)];
    for (const { id } of family) ids.add(id);
  }
  const ofHost = ancestors.includes("host");
  return [({ image }) => (image.id === undefined ? ofHost : ids.has(image.id))];
}
