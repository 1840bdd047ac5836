/** Control groups of containers of bundles, on hosts that have version 2, and a place in it for us. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { runtime } from "../../lib/api/runtime.ts";
import { canEnter, findCgroupHost, groupOf, isMachineRoot } from "../../lib/bundles/cgroup-host.ts";
import type { CgroupManager } from "../../lib/bundles/options.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { BundleFolder } from "../helpers/oci-bundle.ts";
import { hostCannot, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able = requireUserNamespaces();
const host = findCgroupHost();

/** What keeps this manager from making groups for us here. */
function fault(manager: CgroupManager): string | undefined {
  const { mount, own = "/" } = host;
  if (mount === undefined) return "/sys/fs/cgroup is no tree of version 2";
  if (manager === "systemd") {
    const bus = isMachineRoot() ? "--system" : "--user";
    const asked = spawnSync("busctl", [bus, "status", "org.freedesktop.systemd1"]);
    return asked.status === 0 ? undefined : "there is no systemd that can be asked";
  }
  const places = ["/x", join(own, "../x"), join(own, "x")];
  return places.some((path) => canEnter(host, path))
    ? undefined
    : "no group is ours to make groups in";
}

describe.each(["cgroupfs", "systemd"] as const)("the group of a container, by %s", (manager) => {
  expectNothingLeft();

  let folder: BundleFolder;
  const why = fault(manager);

  beforeAll(async () => {
    if (able && why === undefined) folder = await BundleFolder.open();
  });

  const options = () =>
    ({
      root: folder.states,
      cgroupManager: manager,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    }) as const;

  it("is its own, limited, counted, frozen, and gone with it", async (context) => {
    if (why !== undefined) return context.skip(hostCannot(`make groups by ${manager}`, why));
    const { root } = options();
    const id = `test-${manager}-${process.pid}`;
    const warnings: string[] = [];
    const bundle = folder.make(["sh", "-c", "sleep 1000 & wait"], {
      linux: { resources: { pids: { limit: 33 } } },
    });

    const created = await runtime.create(id, bundle, {
      ...options(),
      onWarning: (text) => warnings.push(text),
    });
    const group = groupOf(created.pid) ?? "";
    const directory = join(host.mount ?? "", group);
    const file = (name: string) => readFileSync(join(directory, name), "utf8").trim();
    await runtime.start(id, { root });

    expect(group).toContain(`marmita-${id}`);
    // Below a group with processes of its own there are no controllers: then it was said.
    const isLimited = existsSync(join(directory, "pids.max"));
    expect(isLimited ? file("pids.max") : "33").toBe("33");
    expect(warnings).toHaveLength(isLimited ? 0 : 1);
    const pids = await eventually("two processes", async () => {
      const found = await runtime.ps(id, { root });
      return found.length === 2 ? found : undefined;
    });
    expect(file("cgroup.procs").split("\n").toSorted()).toEqual(pids.map(String).toSorted());

    await runtime.pause(id, { root });
    expect((await runtime.state(id, { root })).status).toBe("paused");
    expect(file("cgroup.events")).toContain("frozen 1");
    await runtime.resume(id, { root });
    expect(file("cgroup.events")).toContain("frozen 0");

    await runtime.delete(id, { root, force: true });
    expect(existsSync(directory)).toBe(false);
  });

  it("is nobody else's while there are processes in it", async (context) => {
    if (why !== undefined) return context.skip(hostCannot(`make groups by ${manager}`, why));
    const { root } = options();
    const ids = [`one-${process.pid}`, `other-${process.pid}`] as const;
    const bundle = folder.make(["sleep", "1000"]);
    await runtime.create(ids[0], bundle, options());
    const path = groupOf((await runtime.state(ids[0], { root })).pid) ?? "";
    const cgroupsPath = manager === "systemd" ? `:marmita:${ids[0]}` : path;
    const same = folder.make(["sleep", "1000"], { linux: { cgroupsPath } });

    const other = runtime.create(ids[1], same, options());

    await expect(other).rejects.toMatchObject({
      code: manager === "systemd" ? "ALREADY_EXISTS" : "CONFLICT",
    });
    expect((await runtime.state(ids[0], { root })).status).toBe("created");
    await runtime.delete(ids[0], { root, force: true });
    expect(await runtime.list({ root })).toEqual([]);
  });
});
