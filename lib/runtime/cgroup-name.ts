/** What the control group of a container is called. */

/** The last part of its path; native/init/cgroup.c makes it where the plan says so. */
export function cgroupName(id: string): string {
  return `marmita-${id}`;
}
