/** What was asked of a container, as `docker inspect` prints it: HostConfig. */
import { DEFAULT_SHM_BYTES } from "../runtime/confinement.ts";
import { parseCapability } from "../runtime/capabilities.ts";
import { askedMountsJson } from "./mount-json.ts";
import type { ContainerRecord } from "./records.ts";
import type { RecordedSecurity } from "./security.ts";

export function hostConfigJson(record: ContainerRecord) {
  const { mounts, volumesFrom, networking, readOnly, remove, restart, security } = record;
  return {
    ...NOT_ASKED,
    ...confinementJson(record),
    ...securityJson(security),
    NetworkMode: networking.mode,
    Dns: networking.dns,
    DnsOptions: networking.dnsOptions,
    DnsSearch: networking.dnsSearch,
    ExtraHosts: networking.extraHosts,
    LogConfig: logJson(record),
    RestartPolicy: { Name: restart?.name ?? "no", MaximumRetryCount: restart?.maxRetries ?? 0 },
    AutoRemove: remove,
    ReadonlyRootfs: readOnly,
    ...askedMountsJson(mounts),
    VolumesFrom: volumesFrom ?? null,
  };
}

/** What Docker has, and nobody can ask for here yet: as Docker prints what was not asked for. */
const NOT_ASKED = {
  ContainerIDFile: "",
  PortBindings: {},
  PublishAllPorts: false,
  VolumeDriver: "",
  Cgroup: "",
  CgroupParent: "",
  Links: null,
  Runtime: "marmita",
  Isolation: "",
  CpuCount: 0,
  CpuPercent: 0,
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpuShares: 0,
  CpusetCpus: "",
  CpusetMems: "",
  NanoCpus: 0,
  Memory: 0,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: null,
  OomKillDisable: null,
  PidsLimit: null,
  IOMaximumBandwidth: 0,
  IOMaximumIOps: 0,
  BlkioWeight: 0,
  BlkioWeightDevice: null,
  BlkioDeviceReadBps: null,
  BlkioDeviceReadIOps: null,
  BlkioDeviceWriteBps: null,
  BlkioDeviceWriteIOps: null,
  DeviceCgroupRules: null,
  DeviceRequests: null,
};

function confinementJson({ confinement }: ContainerRecord) {
  const { pid = "private", ipc = "private", uts = "private", cgroupns = "private" } = confinement;
  const { ulimits = {}, sysctls = {}, groupAdd = null, annotations = null } = confinement;
  return {
    CgroupnsMode: cgroupns,
    Devices: (confinement.devices ?? []).map(({ source, target = source }) => ({
      PathOnHost: source,
      PathInContainer: target,
      CgroupPermissions: "rwm",
    })),
    GroupAdd: groupAdd,
    IpcMode: ipc,
    OomScoreAdj: confinement.oomScoreAdj ?? 0,
    PidMode: pid === "private" ? "" : pid,
    UsernsMode: confinement.userns ?? "",
    UTSMode: uts === "private" ? "" : uts,
    ShmSize: confinement.shmSizeBytes ?? DEFAULT_SHM_BYTES,
    Annotations: annotations,
    Sysctls: sysctls,
    Ulimits: Object.entries(ulimits).map(([Name, limit]) => {
      const { soft, hard } = typeof limit === "number" ? { soft: limit, hard: limit } : limit;
      return { Name, Hard: hard, Soft: soft };
    }),
    ...(confinement.init !== undefined && { Init: confinement.init }),
  };
}

/** Sizes as Docker takes them: bytes, and -1 for no limit. */
function logJson({ log }: ContainerRecord) {
  if (log === undefined) return { Type: "none", Config: {} };
  const { driver, maxSize, maxFiles } = log;
  const size = maxSize === 0 ? "-1" : String(maxSize);
  return { Type: driver, Config: { "max-file": String(maxFiles), "max-size": size } };
}

/** Capabilities as Docker has them, in capitals and with their prefix. */
function securityJson({ privileged, capAdd, capDrop, securityOpt }: RecordedSecurity) {
  return {
    Privileged: privileged,
    CapAdd: listOrNull(capAdd.map(parseCapability)),
    CapDrop: listOrNull(capDrop.map(parseCapability)),
    SecurityOpt: listOrNull(securityOpt),
  };
}

function listOrNull(words: readonly string[]): readonly string[] | null {
  return words.length === 0 ? null : words;
}
