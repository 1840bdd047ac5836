/** A plan: the flat list of operations that marmita-init carries out; bytes and readable form. */
import { MarmitaError } from "../errors.ts";

/**
 * Code and signature of each operation; native/core/plan.h holds the same table and says what
 * each argument is. `s` text, `n` whole number, `l` list of texts.
 */
const OPERATIONS = {
  container: [1, "ss"],
  bundle: [2, "s"],
  live: [3, "s"],
  name: [4, "s"],
  remove: [5, "sl"],
  setgroups: [6, "s"],
  "uid-map": [7, "s"],
  "gid-map": [8, "s"],
  namespaces: [9, "n"],
  "fuse-overlayfs": [10, "sl"],
  join: [11, "sns"],
  network: [12, "snl"],
  hosts: [14, "sss"],
  terminal: [13, "nn"],
  log: [15, "snn"],
  stdin: [16, "n"],
  restart: [17, "sn"],
  health: [18, "snnnnn"],
  events: [19, "ss"],
  cgroup: [20, "s"],
  "map-by": [21, "s"],
  enter: [22, "nss"],
  "time-offsets": [23, "s"],
  "exec-fifo": [24, "s"],
  "console-socket": [25, "s"],
  "preserve-fds": [26, "n"],
  "cgroup-directory": [27, "s"],
  "seccomp-listener": [28, "sss"],
  hostname: [32, "s"],
  loopback: [33, ""],
  propagation: [34, ""],
  overlay: [35, "sssll"],
  "tmpfs-root": [36, "sl"],
  root: [37, "sn"],
  "overlay-in": [38, "sssll"],
  directory: [39, "sn"],
  file: [40, "sns"],
  symlink: [41, "ss"],
  bind: [42, "ssn"],
  mount: [43, "sssnl"],
  mask: [44, "s"],
  readonly: [45, "s"],
  "root-readonly": [46, ""],
  pivot: [47, ""],
  keyring: [48, "s"],
  user: [49, "sln"],
  workdir: [50, "s"],
  capabilities: [51, "nnnnn"],
  "no-new-privileges": [52, ""],
  umask: [53, "n"],
  environment: [54, "l"],
  command: [55, "l"],
  "mount-readonly": [56, "s"],
  rlimit: [57, "snnn"],
  "oom-score-adj": [58, "s"],
  seccomp: [59, "s"],
  domainname: [60, "s"],
  "copy-up": [61, "sssn"],
  volume: [62, "ss"],
  "bind-in": [63, "sssn"],
  init: [65, ""],
  "become-root": [66, "l"],
  "runtime-hooks": [67, ""],
  hook: [68, "nnslls"],
  personality: [69, "n"],
  scheduler: [70, "nnnnnn"],
  "io-priority": [71, "n"],
  label: [72, "ss"],
  node: [73, "snnnnn"],
  "bind-mapped": [74, "ssnss"],
  "root-propagation": [75, "n"],
  borrow: [76, "ssss"],
  "move-root": [77, ""],
  "cpu-affinity": [78, "ss"],
  remount: [80, "snl"],
  "mount-attributes": [81, "nnnnnn"],
  "tmpfs-copy": [82, "sl"],
  "cgroup-wait": [120, ""],
  target: [110, "nns"],
} as const satisfies Record<string, readonly [code: number, signature: string]>;

export type OperationName = keyof typeof OPERATIONS;

type Argument = string | number | bigint | readonly string[];
type ArgumentOf<Letter> = Letter extends "s"
  ? string
  : Letter extends "n"
    ? number | bigint
    : readonly string[];
type ArgumentsOf<Signature> = Signature extends `${infer Letter}${infer Rest}`
  ? [ArgumentOf<Letter>, ...ArgumentsOf<Rest>]
  : [];

/** One operation: its name, then the arguments its signature asks for. */
export type Operation = {
  [Name in OperationName]: readonly [Name, ...ArgumentsOf<(typeof OPERATIONS)[Name][1]>];
}[OperationName];

export type Plan = readonly Operation[];

/** Flags of the operation `root`: bind the path onto itself first, it is no mount of ours yet. */
export const ROOT_BIND = 1;
/** Flags of the operation `root`: the mount that it lies on stops to be shared with the host. */
export const ROOT_ALONE = 2;
/** Flags of the operation `root`: device nodes that are in it already cannot be used. */
export const ROOT_NODEV = 4;

/** Flags of the operation `remount`: the attributes of the mount point, not its file system's. */
export const REMOUNT_ATTRIBUTES = 1;

/** A flag in the mode of the operation `node`: it has to be there already. */
export const NODE_IS_THERE = 1 << 20;

/** Flags of the operation `network`: without it the container fails to start, if it is the last. */
export const NETWORK_REQUIRED = 1;

/** Flags of the operation `bind`. `OPTIONAL`: where the source is missing nothing is mounted. */
/**
 * Flags of the operation `bind`. `OPTIONAL`: where the source is missing nothing is mounted.
 * `…_TOP`: for the mount itself, not for what is mounted below it.
 */
export const BIND = {
  RECURSIVE: 1,
  OPTIONAL: 2,
  READONLY: 4,
  NOSUID: 8,
  NODEV: 16,
  NOEXEC: 32,
  READONLY_TOP: 64,
  IDMAP: 128,
  SLAVE: 256,
  SHARED: 512,
  UNBINDABLE: 1024,
  PROPAGATION_TOP: 2048,
  IDMAP_BELOW: 4096,
} as const;

/** Flags of the operation `copy-up`: what the image has there; and so that it outlives a power cut. */
export const VOLUME = { COPY: 1, DURABLE: 2 } as const;

/**
 * Flags of the operation `user`: set HOME from /etc/passwd; setgroups(2) is denied here; the primary
 * group is no supplementary one unless it is given as such.
 */
export const USER = { SETS_HOME: 1, KEEPS_GROUPS: 2, GIVEN_GROUPS: 4 } as const;

/** First argument of the operation `hook`: before `pivot`, or between `start` and the command. */
export const HOOK = { CREATE_CONTAINER: 1, START_CONTAINER: 2 } as const;

const MAGIC = "MPLN";
const VERSION = 1;
const MAX_BYTES = 16 << 20;

const BY_CODE = new Map<number, readonly [name: string, signature: string]>(
  Object.entries(OPERATIONS).map(([name, [code, signature]]) => [code, [name, signature]]),
);

/** Throws `INVALID_ARGUMENT` for a text with a NUL in it, and for a plan over 16 MiB. */
export function encodePlan(plan: Plan): Buffer {
  const encoder = new Encoder();
  encoder.header(plan.length);
  for (const [name, ...values] of plan) {
    const [code, signature] = OPERATIONS[name];
    encoder.u32(code);
    values.forEach((value: Argument, index) => encoder.argument(signature[index], value));
  }
  const bytes = encoder.bytes();
  if (bytes.length > MAX_BYTES) {
    throw new MarmitaError("INVALID_ARGUMENT", "arguments, environment and mounts exceed 16 MiB");
  }
  return bytes;
}

/** Writes into one buffer that grows: a plan is some hundred small values, made for every start. */
class Encoder {
  #bytes = Buffer.allocUnsafe(16 << 10);
  #size = 0;

  header(count: number): void {
    this.#reserve(MAGIC.length);
    this.#size += this.#bytes.write(MAGIC, this.#size, "latin1");
    this.u32(VERSION);
    this.u32(count);
  }

  argument(letter: string | undefined, value: Argument): void {
    if (letter === "n" && (typeof value === "number" || typeof value === "bigint")) {
      this.#reserve(8);
      this.#size = this.#bytes.writeBigUInt64LE(BigInt(value), this.#size);
    } else if (letter === "s" && typeof value === "string") {
      this.#text(value);
    } else if (letter === "l" && typeof value === "object") {
      this.u32(value.length);
      for (const text of value) this.#text(text);
    } else {
      throw new TypeError(`a plan's argument ${letter} cannot be ${String(value)}`);
    }
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#size = this.#bytes.writeUInt32LE(value, this.#size);
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#size);
  }

  #text(text: string): void {
    if (text.includes("\0")) {
      throw new MarmitaError("INVALID_ARGUMENT", `a NUL byte in ${JSON.stringify(text)}`);
    }
    // The most that UTF-8 takes for a UTF-16 unit is 3 bytes.
    this.#reserve(4 + 3 * text.length + 1);
    const start = this.#size + 4;
    const length = this.#bytes.write(text, start);
    this.#bytes.writeUInt32LE(length, this.#size);
    this.#size = this.#bytes.writeUInt8(0, start + length);
  }

  #reserve(more: number): void {
    if (this.#size + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(2 * (this.#size + more));
    this.#bytes.copy(grown, 0, 0, this.#size);
    this.#bytes = grown;
  }
}

/** Throws `CORRUPT` for bytes that are no plan of this version. */
export function decodePlan(bytes: Uint8Array): Plan {
  try {
    return new Decoder(bytes).plan();
  } catch (cause) {
    throw new MarmitaError("CORRUPT", "not a plan of this version of marmita", { cause });
  }
}

class Decoder {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  plan(): Plan {
    if (this.#take(MAGIC.length).toString("latin1") !== MAGIC) throw new RangeError("magic");
    if (this.#u32() !== VERSION) throw new RangeError("version");
    const plan = Array.from({ length: this.#u32() }, () => this.#operation());
    if (this.#at !== this.#bytes.length) throw new RangeError("bytes after the last operation");
    return plan;
  }

  #operation(): Operation {
    const code = this.#u32();
    const row = BY_CODE.get(code);
    if (row === undefined) throw new RangeError(`operation ${code}`);
    const [name, signature] = row;
    // The table says which arguments belong to the name; its row was just followed.
    return [
      name,
      ...[...signature].map((letter) => this.#argument(letter)),
    ] as unknown as Operation;
  }

  #argument(letter: string): Argument {
    if (letter === "n") return exact(this.#take(8).readBigUInt64LE());
    if (letter === "s") return this.#text();
    return Array.from({ length: this.#u32() }, () => this.#text());
  }

  #text(): string {
    const text = this.#take(this.#u32()).toString();
    if (this.#take(1)[0] !== 0) throw new RangeError("a text without its end");
    return text;
  }

  #u32(): number {
    return this.#take(4).readUInt32LE();
  }

  #take(size: number): Buffer {
    if (this.#at + size > this.#bytes.length) throw new RangeError("cut short");
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }
}

/** A number where it can be one without loss. */
function exact(value: bigint): number | bigint {
  return value > Number.MAX_SAFE_INTEGER ? value : Number(value);
}

/** One operation a line, for people: `bind "/dev/null" "/dev/null" 0`. */
export function formatPlan(plan: Plan): string {
  return plan.map(formatOperation).join("\n") + "\n";
}

const OCTAL = new Set<string>(["directory", "file", "umask"]);

function formatOperation([name, ...values]: Operation): string {
  const words = values.map((value: Argument) => {
    if (typeof value === "bigint") return String(value);
    if (typeof value !== "number") return JSON.stringify(value);
    if (OCTAL.has(name)) return `0${value.toString(8)}`;
    return name === "capabilities" || name === "namespaces"
      ? `0x${value.toString(16)}`
      : String(value);
  });
  return [name, ...words].join(" ");
}
