/** The device nodes of a bundle's container: `linux.devices`, and those that every one has. */
import { posix } from "node:path";
import { MarmitaError } from "../errors.ts";
import { NODE_IS_THERE, type Operation, type Plan } from "../native/plan.ts";
import type { Device, SpecMount } from "../oci/runtime-spec.ts";
import { isBind } from "./compile-bundle-mounts.ts";
import { deviceLinks } from "./compile-devices.ts";

/** runtime-spec, config-linux.md, "Default Devices": the numbers of Linux's devices.txt. */
const DEFAULTS: readonly Device[] = [
  { type: "c", path: "/dev/null", major: 1, minor: 3 },
  { type: "c", path: "/dev/zero", major: 1, minor: 5 },
  { type: "c", path: "/dev/full", major: 1, minor: 7 },
  { type: "c", path: "/dev/random", major: 1, minor: 8 },
  { type: "c", path: "/dev/urandom", major: 1, minor: 9 },
  { type: "c", path: "/dev/tty", major: 5, minor: 0 },
];

/** S_IF… of inode(7). `u` is a character device without a buffer: the same. */
const TYPES = { b: 0o060000, c: 0o020000, u: 0o020000, p: 0o010000 } as const;

/** What every maker of these nodes gives where nothing is said (runc, crun). */
const DEFAULT_MODE = 0o666;

/** What of a config.json is read here. */
export interface DevicesInput {
  readonly mounts?: readonly SpecMount[] | undefined;
  readonly linux: { readonly devices?: readonly Device[] | undefined };
}

/**
 * The nodes of a bundle's container, to stand after its mounts and before masks and `pivot`. They
 * are made; where the kernel reserves that to another root, the host's node of the same path and
 * numbers is bound, with the mode and owner it has. A directory of the host that is bound at /dev
 * stays as it is: what config.json names has to be there.
 *
 * Throws `INVALID_ARGUMENT` for what is no node, with `details.field`.
 */
export function bundleDevices({ mounts = [], linux }: DevicesInput): Plan {
  const listed = linux.devices ?? [];
  const targets = new Map(mounts.map((mount) => [posix.resolve("/", mount.destination), mount]));
  const dev = targets.get("/dev");
  if (dev !== undefined && isBind(dev)) {
    return listed.map((device, index) => nodeOperation(device, index, NODE_IS_THERE));
  }
  const paths = new Set([...targets.keys(), ...listed.map(({ path }) => path)]);
  return [
    ...DEFAULTS.filter(({ path }) => !paths.has(path)).map((one) => nodeOperation(one, 0, 0)),
    ...listed.map((device, index) => nodeOperation(device, index, 0)),
    ...deviceLinks().filter(([, , path]) => typeof path !== "string" || !paths.has(path)),
  ];
}

function nodeOperation(device: Device, index: number, flags: number): Operation {
  const { type, path, major = 0, minor = 0, fileMode = DEFAULT_MODE, uid = 0, gid = 0 } = device;
  const field = `linux.devices[${index}]`;
  if (!Object.hasOwn(TYPES, type)) throw wrong(`${field}.type`, "be one of c, b, u and p", type);
  if (!/^\/+[^/]/.test(path)) throw wrong(`${field}.path`, "be an absolute path", path);
  check(`${field}.major`, major, MAX_MAJOR);
  check(`${field}.minor`, minor, MAX_MINOR);
  check(`${field}.uid`, uid, MAX_ID);
  check(`${field}.gid`, gid, MAX_ID);
  // Others write the type of the file into it as well.
  const mode = (fileMode & 0o7777) | TYPES[type] | flags;
  return ["node", path, mode, major, minor, uid, gid];
}

/** MKDEV() of the kernel: 12 and 20 bits. */
const MAX_MAJOR = 2 ** 12 - 1;
const MAX_MINOR = 2 ** 20 - 1;
/** -1 is no id. */
const MAX_ID = 2 ** 32 - 2;

function check(field: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= most) return;
  throw wrong(field, `be a whole number from 0 to ${most}`, value);
}

function wrong(field: string, expectation: string, value: unknown): MarmitaError {
  return new MarmitaError(
    "INVALID_ARGUMENT",
    `config.json: ${field}: expected it to ${expectation}, got ${JSON.stringify(value)}`,
    { details: { field } },
  );
}
