/** Images in a registry of the test's own, to be pulled. */
import { randomBytes } from "node:crypto";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import { image } from "../../fixtures/layout-writer.mjs";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import { type PutImage, putImage } from "./registry-images.ts";
import type { TestRegistry } from "./registry.ts";

export interface PutBusybox extends PutImage {
  /** `127.0.0.1:5000/box:1` */
  readonly name: string;
}

export interface PutOptions {
  readonly repository?: string;
  readonly tag?: string;
  /** Of each layer over busybox, in bytes that do not compress. */
  readonly layers?: readonly number[];
  /** Of the config. */
  readonly overrides?: Readonly<Record<string, unknown>>;
}

/** Over busybox one layer for each size, with a file of it: `/0`, `/1`, … */
export async function putBusybox(
  registry: Pick<TestRegistry, "url" | "host">,
  options: PutOptions = {},
): Promise<PutBusybox> {
  const { repository = "box", tag = "1", layers = [], overrides } = options;
  const upper = layers.map((size, at) => {
    return tarArchive([{ path: String(at), content: randomBytes(size) }]);
  });
  const made = image([busyboxLayer(), ...upper], overrides);
  const put = await putImage(registry.url, repository, tag, made);
  return { ...put, name: `${registry.host}/${repository}:${tag}` };
}
