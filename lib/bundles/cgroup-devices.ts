/** `linux.resources.devices` → the eBPF program that a group of version 2 has for them. */
import type { DeviceRule } from "../oci/runtime-spec.ts";

/** What every container may use, whatever the rules say; runc and crun have the same. */
const ALWAYS: readonly DeviceRule[] = [
  { allow: true, type: "c", access: "m" },
  { allow: true, type: "b", access: "m" },
  ...(
    [
      [1, 3], // null
      [1, 5], // zero
      [1, 7], // full
      [1, 8], // random
      [1, 9], // urandom
      [5, 0], // tty
      [5, 1], // console
      [5, 2], // ptmx
      [136, undefined], // pts
      [10, 200], // net/tun
    ] as const
  ).map(([major, minor]): DeviceRule => {
    return { allow: true, type: "c", major, ...(minor !== undefined && { minor }), access: "rwm" };
  }),
];

/** linux/bpf.h, BPF_DEVCG_…. */
const TYPE = { b: 1, c: 2 } as const;
const ACCESS: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };
const ALL_ACCESS = 7;

const OP = {
  LOAD_WORD: 0x61, // BPF_LDX | BPF_MEM | BPF_W
  AND: 0x54, // BPF_ALU | BPF_AND | BPF_K: of 32 bits
  SHIFT_RIGHT: 0x74,
  COPY: 0xbc,
  SET: 0xb7,
  JUMP_UNEQUAL: 0x55, // BPF_JMP | BPF_JNE | BPF_K
  JUMP_EQUAL: 0x15,
  EXIT: 0x95,
} as const;

const [RESULT, CONTEXT, DEVICE_TYPE, ASKED, MAJOR, MINOR] = [0, 1, 2, 3, 4, 5];

/** `undefined` where the rules allow everything: it takes no program. */
export function deviceProgram(rules: readonly DeviceRule[]): Buffer | undefined {
  const last = rules.at(-1);
  if (last === undefined || (last.allow && isOfAll(last))) return undefined;
  const program = new Program();
  program.add(OP.LOAD_WORD, { to: DEVICE_TYPE, from: CONTEXT, at: 0 });
  program.add(OP.COPY, { to: ASKED, from: DEVICE_TYPE });
  program.add(OP.AND, { to: DEVICE_TYPE, value: 0xffff });
  program.add(OP.SHIFT_RIGHT, { to: ASKED, value: 16 });
  program.add(OP.LOAD_WORD, { to: MAJOR, from: CONTEXT, at: 4 });
  program.add(OP.LOAD_WORD, { to: MINOR, from: CONTEXT, at: 8 });
  // The last rule that has something to say about a kind of access decides on it.
  for (const rule of [...rules, ...ALWAYS].toReversed()) program.append(ruleCode(rule));
  program.add(OP.SET, { to: RESULT, value: 0 });
  program.add(OP.EXIT, {});
  return program.bytes();
}

function isOfAll({ type = "a", major, minor, access }: DeviceRule): boolean {
  return type === "a" && isAny(major) && isAny(minor) && accessOf(access) === ALL_ACCESS;
}

const isAny = (number: number | undefined) => number === undefined || number < 0;

function accessOf(access: string | undefined): number {
  if (access === undefined) return ALL_ACCESS;
  return [...access].reduce((sum, letter) => sum | (ACCESS[letter] ?? 0), 0);
}

/** ASKED is what no rule has decided on so far: all of it allowed, or any of it denied, is the end. */
function ruleCode({ allow, type = "a", major, minor, access }: DeviceRule): Program {
  const kinds = accessOf(access);
  const body = new Program();
  if (allow) {
    body.add(OP.AND, { to: ASKED, value: ALL_ACCESS & ~kinds });
    body.add(OP.JUMP_UNEQUAL, { to: ASKED, value: 0, at: 2 });
  } else {
    body.add(OP.COPY, { to: CONTEXT, from: ASKED });
    body.add(OP.AND, { to: CONTEXT, value: kinds });
    body.add(OP.JUMP_EQUAL, { to: CONTEXT, value: 0, at: 2 });
  }
  body.add(OP.SET, { to: RESULT, value: allow ? 1 : 0 });
  body.add(OP.EXIT, {});
  const conditions = [
    ...(type === "a" ? [] : [[DEVICE_TYPE, TYPE[type]] as const]),
    ...(isAny(major) ? [] : [[MAJOR, major ?? 0] as const]),
    ...(isAny(minor) ? [] : [[MINOR, minor ?? 0] as const]),
  ];
  const code = new Program();
  conditions.forEach(([register, value], index) => {
    const rest = conditions.length - index - 1;
    code.add(OP.JUMP_UNEQUAL, { to: register, value, at: rest + body.length });
  });
  code.append(body);
  return code;
}

/** Instructions of 8 bytes (the kernel's Documentation/bpf/standardization/instruction-set.rst). */
class Program {
  readonly #parts: Buffer[] = [];

  get length(): number {
    return this.#parts.length;
  }

  add(code: number, operands: { to?: number; from?: number; at?: number; value?: number }): void {
    const { to = 0, from = 0, at = 0, value = 0 } = operands;
    const bytes = Buffer.alloc(8);
    bytes.writeUInt8(code, 0);
    bytes.writeUInt8((from << 4) | to, 1);
    bytes.writeInt16LE(at, 2);
    bytes.writeInt32LE(value | 0, 4);
    this.#parts.push(bytes);
  }

  append(other: Program): void {
    this.#parts.push(...other.#parts);
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}
