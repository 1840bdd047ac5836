/** What each property of `linux.resources` may be: config-linux.md, "Control groups". */
import type { Resources, ThrottleDevice, WeightDevice } from "./runtime-spec.ts";
import {
  checked,
  flag,
  int64,
  list,
  map,
  object,
  optional,
  optionalText,
  required,
  type Shape,
  text,
  uint16,
  uint32,
  uint64,
  whole,
  word,
} from "./shapes.ts";

/** -1 stands for all of them, as in runc's files. */
const deviceNumber = whole(-1, 0xf_ffff);
const device = { major: required(deviceNumber), minor: required(deviceNumber) };

const throttles: Shape<readonly ThrottleDevice[]> = list(
  object({ ...device, rate: required(uint64) }),
);

const weights: Shape<readonly WeightDevice[]> = list(
  object({ ...device, weight: optional(uint16), leafWeight: optional(uint16) }),
);

const access = checked(text, (letters) => /^[rwm]*$/.test(letters), 'be of the letters "rwm"');

/** Part of the name of a file: nothing that leads elsewhere. */
const pageSize = checked(text, (size) => /^\d+[KMG]B$/.test(size), 'be a size as "2MB" or "1GB"');

/** A word of a line. */
const rdmaDevices = checked(
  map(object({ hcaHandles: optional(uint32), hcaObjects: optional(uint32) })),
  (devices) => Object.keys(devices).every((name) => /^[\w.-]+$/.test(name)),
  "be named by devices: letters, digits, `_`, `.` and `-`",
);

export const resources: Shape<Resources> = object({
  devices: optional(
    list(
      object({
        allow: required(flag),
        type: optionalText(word(["a", "c", "b"])),
        major: optional(deviceNumber),
        minor: optional(deviceNumber),
        access: optionalText(access),
      }),
    ),
  ),
  memory: optional(
    object({
      limit: optional(int64),
      reservation: optional(int64),
      swap: optional(int64),
      kernel: optional(int64),
      kernelTCP: optional(int64),
      swappiness: optional(uint64),
      disableOOMKiller: optional(flag),
      useHierarchy: optional(flag),
      checkBeforeUpdate: optional(flag),
    }),
  ),
  cpu: optional(
    object({
      shares: optional(uint64),
      quota: optional(int64),
      burst: optional(uint64),
      period: optional(uint64),
      realtimeRuntime: optional(int64),
      realtimePeriod: optional(uint64),
      cpus: optionalText(text),
      mems: optionalText(text),
      idle: optional(int64),
    }),
  ),
  pids: optional(object({ limit: optional(int64) })),
  blockIO: optional(
    object({
      weight: optional(uint16),
      leafWeight: optional(uint16),
      weightDevice: optional(weights),
      throttleReadBpsDevice: optional(throttles),
      throttleWriteBpsDevice: optional(throttles),
      throttleReadIOPSDevice: optional(throttles),
      throttleWriteIOPSDevice: optional(throttles),
    }),
  ),
  hugepageLimits: optional(list(object({ pageSize: required(pageSize), limit: required(uint64) }))),
  network: optional(
    object({
      classID: optional(uint32),
      priorities: optional(list(object({ name: required(text), priority: required(uint32) }))),
    }),
  ),
  rdma: optional(rdmaDevices),
  unified: optional(map(text)),
});
