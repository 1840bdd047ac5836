/** `linux.resources` → what is written to which file of a group of version 2. */
import { MarmitaError } from "../errors.ts";
import type { BlockIo, Cpu, Memory, Resources, Whole64 } from "../oci/runtime-spec.ts";

/** One limit, and where it goes. */
export interface GroupWrite {
  /** As config.json calls it, below `linux.resources`: `memory.limit`. */
  readonly field: string;
  readonly file: string;
  readonly text: string;
  /** In the place of the file, where the kernel has not that one. */
  readonly instead?: { readonly file: string; readonly text: string };
  /** Nothing is amiss where the file is not there. */
  readonly isOptional?: true;
  /** Named by whoever asks: a file that is not there is an error (runtime-spec, "Unified"). */
  readonly isUnified?: true;
}

/** In the order in which they are written: what is in `unified` has the last word. */
export function groupWrites(resources: Resources): readonly GroupWrite[] {
  const { memory = {}, cpu = {}, pids, blockIO = {}, hugepageLimits = [] } = resources;
  return [
    ...memoryWrites(memory),
    // 0 is nobody's limit: it would keep the first process from being made.
    ...(pids?.limit === undefined || isZero(pids.limit)
      ? []
      : [write("pids.limit", "pids.max", limit(pids.limit))]),
    ...cpuWrites(cpu),
    ...blockWrites(blockIO),
    ...hugepageLimits.flatMap(({ pageSize, limit: bytes }): GroupWrite[] => [
      write("hugepageLimits", `hugetlb.${pageSize}.max`, String(bytes)),
      {
        ...write("hugepageLimits", `hugetlb.${pageSize}.rsvd.max`, String(bytes)),
        isOptional: true,
      },
    ]),
    ...rdmaWrites(resources),
    ...unifiedWrites(resources.unified ?? {}),
  ];
}

/** Whether any is asked for that a new group has not anyway. */
export function hasLimits(resources: Resources): boolean {
  return groupWrites(resources).some(({ isOptional }) => isOptional !== true);
}

/** No limit is what a new group has anyway, with its controller or without. */
function write(field: string, file: string, text: string): GroupWrite {
  return { field, file, text, ...(text === "max" && { isOptional: true }) };
}

const isZero = (value: Whole64) => value === 0 || value === 0n;

/** Below 0 is no limit. */
function limit(value: Whole64): string {
  return value < 0 ? "max" : String(value);
}

function memoryWrites(memory: Memory): readonly GroupWrite[] {
  const { limit: most, reservation, swap } = memory;
  return [
    ...(most === undefined ? [] : [write("memory.limit", "memory.max", limit(most))]),
    ...(swap === undefined
      ? []
      : [
          {
            ...write("memory.swap", "memory.swap.max", limit(swapAlone(swap, most))),
            isOptional: true as const, // a kernel that does not account it
          },
        ]),
    ...(reservation === undefined
      ? []
      : [write("memory.reservation", "memory.low", limit(reservation))]),
  ];
}

/** config.json has memory and swap together, version 2 swap alone. */
function swapAlone(swap: Whole64, most: Whole64 | undefined): Whole64 {
  if (swap <= 0) return swap;
  if (most === undefined || most < 0) {
    throw invalid("memory.swap", "is memory and swap together: it needs memory.limit");
  }
  if (swap < most) throw invalid("memory.swap", "is less than memory.limit");
  return BigInt(swap) - BigInt(most);
}

const DEFAULT_PERIOD_US = 100_000;

function cpuWrites(cpu: Cpu): readonly GroupWrite[] {
  const { shares, quota, period, burst, idle, cpus, mems } = cpu;
  const hasQuota = quota !== undefined && quota > 0;
  const hasPeriod = period !== undefined && period > 0;
  const [time, every] = [hasQuota ? String(quota) : "max", hasPeriod ? period : DEFAULT_PERIOD_US];
  return [
    ...(shares === undefined || shares <= 0
      ? []
      : [write("cpu.shares", "cpu.weight", String(weightOfShares(Number(shares))))]),
    ...(idle === undefined ? [] : [write("cpu.idle", "cpu.idle", String(idle))]),
    ...(hasQuota || hasPeriod
      ? [write(hasQuota ? "cpu.quota" : "cpu.period", "cpu.max", `${time} ${every}`)]
      : []),
    ...(burst === undefined ? [] : [write("cpu.burst", "cpu.max.burst", String(burst))]),
    ...(cpus ? [write("cpu.cpus", "cpuset.cpus", cpus)] : []),
    ...(mems ? [write("cpu.mems", "cpuset.mems", mems)] : []),
  ];
}

const [LEAST_SHARES, MOST_SHARES, MOST_WEIGHT] = [2, 262_144, 10_000];

/**
 * Through the least, the default (1024 shares, weight 100) and the most of both: crun 1.23 and runc
 * 1.3.2 have this curve. A straight line, as before them, makes 39 of the default.
 */
export function weightOfShares(shares: number): number {
  if (shares <= LEAST_SHARES) return 1;
  if (shares >= MOST_SHARES) return MOST_WEIGHT;
  const log = Math.log2(shares);
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

function blockWrites(blockIO: BlockIo): readonly GroupWrite[] {
  const { weight, weightDevice = [] } = blockIO;
  const limits = [
    ["throttleReadBpsDevice", "rbps"],
    ["throttleWriteBpsDevice", "wbps"],
    ["throttleReadIOPSDevice", "riops"],
    ["throttleWriteIOPSDevice", "wiops"],
  ] as const;
  return [
    ...(weight ? [weightWrite("blockIO.weight", "", weight)] : []),
    ...weightDevice.flatMap(({ major, minor, weight: own }) =>
      own ? [weightWrite("blockIO.weightDevice", `${major}:${minor} `, own)] : [],
    ),
    ...limits.flatMap(([field, key]) =>
      (blockIO[field] ?? []).map(({ major, minor, rate }) =>
        write(`blockIO.${field}`, "io.max", `${major}:${minor} ${key}=${limitOfRate(rate)}`),
      ),
    ),
  ];
}

/** A rate of 0 takes the limit away. */
function limitOfRate(rate: Whole64): string {
  return isZero(rate) ? "max" : String(rate);
}

/** 10 to 1000 there, 1 to 10000 in what has no scheduler of its own. */
function weightWrite(field: string, device: string, weight: number): GroupWrite {
  const instead = `${device || "default "}${1 + Math.floor(((weight - 10) * 9_999) / 990)}`;
  return {
    ...write(field, "io.bfq.weight", `${device}${weight}`),
    instead: { file: "io.weight", text: instead },
  };
}

function rdmaWrites({ rdma = {} }: Resources): readonly GroupWrite[] {
  return Object.entries(rdma).map(([device, { hcaHandles, hcaObjects }]) => {
    const handles = hcaHandles === undefined ? "" : ` hca_handle=${hcaHandles}`;
    const objects = hcaObjects === undefined ? "" : ` hca_object=${hcaObjects}`;
    return write("rdma", "rdma.max", `${device}${handles}${objects}`);
  });
}

/** No path, and none of the files that move processes, or are the runtime's to write. */
const UNIFIED_NAME =
  /^(?!cgroup\.(?:procs|threads|kill|type|freeze|subtree_control)$)\w+(?:\.[\w-]+)+$/;

function unifiedWrites(unified: Readonly<Record<string, string>>): readonly GroupWrite[] {
  return Object.entries(unified).map(([file, text]) => {
    const field = `unified.${file}`;
    if (!UNIFIED_NAME.test(file))
      throw invalid(field, "is no file of a group that takes a setting");
    return { ...write(field, file, text), isUnified: true };
  });
}

/**
 * What version 2 has no word for, and who asks for it would be told a lie; values that mean what
 * is so anyway are none. On hosts of version 1 too: a bundle is the same everywhere. Throws
 * `UNSUPPORTED` with `details.field`.
 */
export function refuseVersion1(resources: Resources): void {
  const { memory = {}, cpu = {}, blockIO = {}, network } = resources;
  const isSet = (value: Whole64 | undefined) => value !== undefined && value > 0;
  const asked: readonly (readonly [field: string, isAsked: boolean])[] = [
    ["memory.kernel", isSet(memory.kernel)],
    ["memory.kernelTCP", isSet(memory.kernelTCP)],
    ["memory.swappiness", memory.swappiness !== undefined],
    ["memory.disableOOMKiller", memory.disableOOMKiller === true],
    ["memory.useHierarchy", memory.useHierarchy === false],
    ["cpu.realtimeRuntime", isSet(cpu.realtimeRuntime)],
    ["cpu.realtimePeriod", isSet(cpu.realtimePeriod)],
    ["blockIO.leafWeight", isSet(blockIO.leafWeight)],
    ...(blockIO.weightDevice ?? []).map(({ leafWeight }, index) => {
      return [`blockIO.weightDevice[${index}].leafWeight`, isSet(leafWeight)] as const;
    }),
    ["network.classID", isSet(network?.classID)],
    ["network.priorities", (network?.priorities ?? []).length > 0],
  ];
  for (const [name, isAsked] of asked) {
    if (!isAsked) continue;
    const field = `linux.resources.${name}`;
    throw new MarmitaError("UNSUPPORTED", `${field} has no counterpart in cgroup v2`, {
      hint: "control groups of version 2 have no such limit: leave it out",
      details: { field },
    });
  }
}

function invalid(name: string, why: string): MarmitaError {
  const field = `linux.resources.${name}`;
  return new MarmitaError("INVALID_ARGUMENT", `${field} ${why}`, { details: { field } });
}
