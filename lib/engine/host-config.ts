/** What was asked of a container, as `docker inspect` prints it: HostConfig. */
import { DEFAULT_SHM_BYTES } from "../runtime/confinement.ts";
import { askedMountsJson } from "./mount-json.ts";
import type { ContainerRecord } from "./records.ts";

export function hostConfigJson(record: ContainerRecord) {
  const { mounts, isolation, readOnly, remove } = record;
  return {
    ...confinementJson(record),
    NetworkMode: isolation.network,
    RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
    AutoRemove: remove,
    Privileged: false,
    ReadonlyRootfs: readOnly,
    ...askedMountsJson(mounts),
  };
}

function confinementJson({ confinement }: ContainerRecord) {
  const { pid = "private", ipc = "private", uts = "private", cgroupns = "private" } = confinement;
  const { ulimits = {}, sysctls = {}, groupAdd = null, annotations = null } = confinement;
  return {
    CgroupnsMode: cgroupns,
    GroupAdd: groupAdd,
    IpcMode: ipc,
    OomScoreAdj: confinement.oomScoreAdj ?? 0,
    PidMode: pid === "private" ? "" : pid,
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
