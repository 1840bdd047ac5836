/** Which network a container gets: what was asked, or how far this machine's programs reach. */
import { MarmitaError } from "../errors.ts";
import { type NetworkHost, THIS_HOST, whyNoPing } from "./network-host.ts";
import type { HelperName, HelperProgram } from "./network-helpers.ts";

/** What a caller may ask for, but for another container's; `bridge` is `private`. */
export type OwnNetworkMode = "private" | "bridge" | "none" | "host" | HelperName;

/** What a container has; `container:` with an id is that container's. */
export type NetworkLevel = "private" | "none" | "host" | `container:${string}`;

export interface NetworkChoice {
  readonly level: NetworkLevel;
  /** For `private`: to be tried in this order. */
  readonly helpers: readonly HelperProgram[];
  /** Whether a container goes without a network where none of them works. */
  readonly isRequired: boolean;
  /** Why it is `none`, though nobody asked for that. */
  readonly reason?: string;
  /** What does not work there, a sentence each. */
  readonly notes: readonly string[];
}

/** Whether it is the container's own, to be set up for it alone. */
export function isOwnNetwork(level: NetworkLevel): boolean {
  return level === "private" || level === "none";
}

/** That of a container, by its id. */
export function networkOf(id: string): NetworkChoice {
  return { level: `container:${id}`, helpers: [], isRequired: true, notes: [] };
}

const HELPERS: readonly HelperName[] = ["pasta", "slirp4netns"];
const TUN = "/dev/net/tun";

/** The step of a start that a helper is; also its hints'. */
export const NETWORK_STEP = "network";

/**
 * `undefined` asks for nothing: then what cannot be had is `none`, with the reason. Throws
 * `UNSUPPORTED`, with what to install as its hint, for a private network that was asked for.
 */
export async function chooseNetwork(
  asked: OwnNetworkMode | undefined,
  host: NetworkHost = THIS_HOST,
): Promise<NetworkChoice> {
  if (asked === "none" || asked === "host") {
    return { level: asked, helpers: [], isRequired: true, notes: [] };
  }
  const names = HELPERS.filter((name) => asked !== oneOther(name));
  const found = await Promise.all(names.map((name) => findHelper(name, host)));
  const helpers = found.filter((helper) => helper !== undefined);
  const closed = host.whyClosed(TUN);
  const isRequired = asked !== undefined;
  if (helpers.length > 0 && closed === undefined) {
    const noPing = whyNoPing(host);
    const notes = noPing === undefined ? [] : [noPing];
    return { level: "private", helpers, isRequired, notes };
  }
  const why = helpers.length === 0 ? notInstalled(names) : closedTun(closed);
  if (isRequired) throw refused(asked, why);
  return { level: "none", helpers: [], isRequired, reason: why.reason, notes: [] };
}

/** The helper that is not wanted where `name` is looked at: the other one, asked for by name. */
function oneOther(name: HelperName): HelperName {
  return name === "pasta" ? "slirp4netns" : "pasta";
}

async function findHelper(name: HelperName, host: NetworkHost): Promise<HelperProgram | undefined> {
  const program = await host.find(name);
  return program === undefined ? undefined : { name, program };
}

interface Lack {
  readonly reason: string;
  readonly remedy: string;
}

const PACKAGES: Readonly<Record<HelperName, string>> = {
  pasta: "passt",
  slirp4netns: "slirp4netns",
};

function notInstalled(names: readonly HelperName[]): Lack {
  const packages = names.map((name) => PACKAGES[name]);
  return {
    reason:
      names.length === 1
        ? `${names[0]} is not installed`
        : `neither ${names.join(" nor ")} is installed`,
    remedy: `install the package ${packages.join(" or ")} (as root: apt-get install ${packages[0]})`,
  };
}

function closedTun(errno = ""): Lack {
  const isMissing = errno === "ENOENT";
  return {
    reason: `${TUN} ${isMissing ? "is missing" : `may not be opened (${errno})`}`,
    remedy: isMissing
      ? `as root: modprobe tun; an outer container takes --device ${TUN}`
      : `as root: chmod 0666 ${TUN}; an outer container takes --device ${TUN}`,
  };
}

function refused(asked: OwnNetworkMode, { reason, remedy }: Lack): MarmitaError {
  const hint = `${remedy.charAt(0).toUpperCase()}${remedy.slice(1)}. Or use network "none" or "host".`;
  return new MarmitaError("UNSUPPORTED", `no network "${asked}" here: ${reason}`, {
    step: NETWORK_STEP,
    hint,
    details: { option: "network", value: asked },
  });
}
