import { describe, expect, it } from "vitest";
import { deviceProgram } from "../../../lib/bundles/cgroup-devices.ts";
import type { DeviceRule } from "../../../lib/oci/runtime-spec.ts";

const [MKNOD, READ, WRITE] = [1, 2, 4];
const [BLOCK, CHARACTER] = [1, 2];

/** Of a device and an access to it. */
interface Request {
  type: number;
  access: number;
  major: number;
  minor: number;
}

/** What the kernel would do, as far as these programs go. */
function isAllowed(program: Buffer, { type, access, major, minor }: Request): boolean {
  const context = [(access << 16) | type, major, minor];
  const registers = [0, 0, 0, 0, 0, 0];
  for (let at = 0; at < program.length; at += 8) {
    const code = program.readUInt8(at);
    const [to, from] = [program.readUInt8(at + 1) & 15, program.readUInt8(at + 1) >> 4];
    const [offset, value] = [program.readInt16LE(at + 2), program.readInt32LE(at + 4)];
    const jump = (isTaken: boolean) => (at += isTaken ? offset * 8 : 0);
    if (code === 0x61) registers[to] = context[offset / 4]!;
    else if (code === 0x54) registers[to]! &= value;
    else if (code === 0x74) registers[to]! >>>= value;
    else if (code === 0xbc) registers[to] = registers[from]!;
    else if (code === 0xb7) registers[to] = value;
    else if (code === 0x55) jump(registers[to] !== value);
    else if (code === 0x15) jump(registers[to] === value);
    else if (code === 0x95) return registers[0] === 1;
    else throw new Error(`instruction 0x${code.toString(16)}`);
  }
  throw new Error("no end");
}

function ask(rules: readonly DeviceRule[], request: Partial<Request>): boolean {
  const program = deviceProgram(rules);
  if (program === undefined) return true;
  return isAllowed(program, { type: CHARACTER, access: READ, major: 10, minor: 229, ...request });
}

const NONE: DeviceRule = { allow: false, access: "rwm" };
const FUSE: DeviceRule = { allow: true, type: "c", major: 10, minor: 229, access: "rw" };

describe("rules for devices", () => {
  it("deny what none of them allows", () => {
    expect(ask([NONE], {})).toBe(false);
    expect(ask([NONE], { type: BLOCK, major: 8, minor: 0 })).toBe(false);
  });

  it("allow what every container has, whatever they say", () => {
    const always = ["1:3", "1:5", "1:8", "5:0", "5:2", "136:7", "10:200"];

    for (const [major = 0, minor = 0] of always.map((word) => word.split(":").map(Number))) {
      expect(ask([NONE], { major, minor, access: READ | WRITE | MKNOD })).toBe(true);
    }
    expect(ask([NONE], { type: BLOCK, major: 1, minor: 3 })).toBe(false);
  });

  it("allow nodes to be made that cannot be opened", () => {
    expect(ask([NONE], { type: BLOCK, major: 8, access: MKNOD })).toBe(true);
    expect(ask([NONE], { type: BLOCK, major: 8, access: MKNOD | READ })).toBe(false);
  });

  it("allow one device, in the ways they name", () => {
    expect(ask([NONE, FUSE], { access: READ | WRITE })).toBe(true);
    expect(ask([NONE, FUSE], { minor: 228 })).toBe(false);
    expect(ask([NONE, FUSE], { major: 11 })).toBe(false);
    expect(ask([NONE, { ...FUSE, access: "r" }], { access: READ | WRITE })).toBe(false);
  });

  it("allow all of a kind", () => {
    const rules = [NONE, { allow: true, type: "b", access: "r" } as const];

    expect(ask(rules, { type: BLOCK, major: 8, minor: 3 })).toBe(true);
    expect(ask(rules, { type: BLOCK, access: WRITE })).toBe(false);
    expect(ask(rules, { type: CHARACTER })).toBe(false);
  });

  it("take -1 for any number, as absent ones", () => {
    expect(ask([NONE, { ...FUSE, major: -1, minor: -1 }], { major: 4, minor: 4 })).toBe(true);
  });

  it("have their last word", () => {
    expect(ask([NONE, FUSE, { ...FUSE, allow: false }], {})).toBe(false);
    expect(ask([NONE, { ...FUSE, allow: false }, FUSE], {})).toBe(true);
    expect(ask([FUSE, NONE], {})).toBe(false);
  });

  it("add up: one for reading, one for writing", () => {
    const rules = [NONE, { ...FUSE, access: "r" }, { ...FUSE, access: "w" }];

    expect(ask(rules, { access: READ | WRITE })).toBe(true);
  });

  it("deny as soon as one way is denied", () => {
    const rules: DeviceRule[] = [FUSE, { ...FUSE, allow: false, access: "w" }];

    expect(ask(rules, { access: READ })).toBe(true);
    expect(ask(rules, { access: READ | WRITE })).toBe(false);
  });

  it("take no program where all is allowed in the end", () => {
    expect(deviceProgram([])).toBeUndefined();
    expect(deviceProgram([NONE, { allow: true, access: "rwm" }])).toBeUndefined();
    expect(deviceProgram([{ allow: true, type: "a" }])).toBeUndefined();
    expect(deviceProgram([{ allow: true, type: "c" }])).toBeDefined();
  });
});
