/** What was asked of a container, as `docker inspect` prints it: HostConfig. */
import { askedMountsJson } from "./mount-json.ts";
import type { ContainerRecord } from "./records.ts";

export function hostConfigJson({ mounts, isolation, readOnly, remove }: ContainerRecord) {
  return {
    NetworkMode: isolation.network,
    RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
    AutoRemove: remove,
    Privileged: false,
    ReadonlyRootfs: readOnly,
    ...askedMountsJson(mounts),
  };
}
