import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { EngineContext } from "../../../lib/engine/context.ts";
import type { ContainerRecord } from "../../../lib/engine/records.ts";
import { writableLayer } from "../../../lib/engine/writable-layer.ts";
import { type Plan, encodePlan } from "../../../lib/native/plan.ts";
import { Paths } from "../../../lib/store/paths.ts";
import { temporaryFolder } from "../../helpers/folder.ts";

const NAMESPACE = { fd: -1, uids: [], gids: [], close: () => undefined };

async function layerOf(plan: (bundle: string) => Plan, image = "busybox") {
  const paths = new Paths(await temporaryFolder());
  const bundle = paths.container("1");
  await mkdir(bundle, { recursive: true });
  await writeFile(join(bundle, "plan"), encodePlan(plan(bundle)));
  return { bundle, layer: await writableLayer(contextOf(paths), recordOf(image)) };
}

function contextOf(paths: Paths): EngineContext {
  return { paths, mapped: async () => ({ namespace: NAMESPACE }) } as unknown as EngineContext;
}

function recordOf(image: string): ContainerRecord {
  return {
    id: "1",
    name: "box",
    image: { name: image, layers: [] },
    confinement: {},
    isolation: { rootfs: "overlay" },
  } as unknown as ContainerRecord;
}

describe("writableLayer", () => {
  it("finds the root among the overlays of a plan, not an image that is mounted", async () => {
    const { layer, bundle } = await layerOf((bundle) => [
      ["overlay", `${bundle}/mount-0/merged`, `${bundle}/mount-0/upper`, "/w", ["/image"], []],
      ["overlay", `${bundle}/rootfs`, `${bundle}/upper`, `${bundle}/work`, ["/top", "/base"], []],
    ]);

    expect(layer).toMatchObject({
      namespace: NAMESPACE,
      driver: "overlay",
      uppers: [{ directory: join(bundle, "upper"), at: "/", lowers: ["/top", "/base"], skip: [] }],
      lowers: ["/top", "/base"],
      skip: [],
    });
  });

  it("finds it in the words of fuse-overlayfs", async () => {
    const { layer } = await layerOf((bundle) => [
      [
        "fuse-overlayfs",
        "/m",
        ["fuse-overlayfs", "-f", "-o", "lowerdir=/x,upperdir=/m/upper", "/m"],
      ],
      [
        "fuse-overlayfs",
        `${bundle}/rootfs`,
        [
          "fuse-overlayfs",
          "-f",
          "-o",
          `lowerdir=/a=b:/c,upperdir=${bundle}/upper,workdir=/w`,
          "/r",
        ],
      ],
    ]);

    expect(layer.lowers).toEqual(["/a=b", "/c"]);
  });

  it("knows every mount point, but for those in others", async () => {
    const { layer } = await layerOf((bundle) => [
      ["overlay", `${bundle}/rootfs`, `${bundle}/upper`, "/w", ["/a"], []],
      ["mount", "tmpfs", "tmpfs", "/dev", 0, []],
      ["bind", "/dev/null", "/dev/null", 0],
      ["symlink", "/proc/self/fd", "/dev/fd"],
      ["bind", "/b/hosts", "/etc/hosts", 0],
      ["bind-in", "/v", "sub", "/data", 0],
      ["borrow", "/live", "shm", "/dev/shm", "/shared"],
      ["mask", "/proc/kcore"],
      ["directory", "/work", 0o755],
    ]);

    expect(layer.skip).toEqual(["/dev", "/etc/hosts", "/data", "/shared"]);
  });

  it("has a part for each overlay of image host, without the parts in it", async () => {
    const { layer } = await layerOf(
      () => [
        ["tmpfs-root", "/r", []],
        ["symlink", "usr/bin", "/bin"],
        ["overlay-in", "/usr", "/u/usr", "/w", ["/usr"], []],
        ["overlay-in", "/home/me", "/u/me", "/w", ["/empty"], []],
        ["directory", "/home/me/locked", 0o700],
        ["overlay-in", "/home/me/disk", "/u/disk", "/w", ["/home/me/disk"], []],
        ["bind", "/home/me/disk/ro", "/home/me/disk/ro", 0],
      ],
      "host",
    );

    expect(layer).toMatchObject({ lowers: [], skip: [] });
    expect(layer.uppers).toEqual([
      { at: "/usr", directory: "/u/usr", lowers: ["/usr"], skip: [] },
      {
        at: "/home/me",
        directory: "/u/me",
        lowers: ["/empty"],
        skip: ["/home/me/disk", "/home/me/locked"],
      },
      {
        at: "/home/me/disk",
        directory: "/u/disk",
        lowers: ["/home/me/disk"],
        skip: ["/home/me/disk/ro"],
      },
    ]);
  });

  it("throws NOT_FOUND where the container is gone, CORRUPT for a plan that says nothing", async () => {
    const paths = new Paths(await temporaryFolder());

    await expect(writableLayer(contextOf(paths), recordOf("x"))).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    await expect(layerOf(() => [["pivot"]])).rejects.toMatchObject({ code: "CORRUPT" });
  });
});
