/** Image archives for tests, made on this machine and kept for the next run. */
import { writeFileSync } from "node:fs";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import { cached, source } from "../../fixtures/cache.mjs";
import { type ArchiveOptions, imageArchive } from "../../fixtures/image-archive.mjs";
import { type TarEntry, tarArchive } from "../../fixtures/tar-writer.mjs";

export { busyboxArchive } from "../../fixtures/busybox.mjs";
export { probeArchive } from "../../fixtures/probe.mjs";

/** Entries over busybox: an image `name` whose upper layers are given as lists of entries. */
export interface BusyboxOver extends Omit<ArchiveOptions, "layers" | "name"> {
  readonly name: string;
  readonly layers?: readonly (readonly TarEntry[])[];
}

/** The path of an archive with an image of busybox and what is laid over it. */
export function busyboxWith(options: BusyboxOver): string {
  const { layers = [], ...rest } = options;
  const key = [source("./busybox.mjs"), source("./image-archive.mjs"), JSON.stringify(options)];
  return cached(`${options.name.replaceAll(/[^\w.-]/g, "_")}.tar`, key, (draft) => {
    const tars = [busyboxLayer(), ...layers.map((entries) => tarArchive(entries))];
    writeFileSync(draft, imageArchive({ ...rest, layers: tars }));
  });
}

/**
 * An image `layers:<count>` of that many layers, as many as a Dockerfile may have (127).
 * Layer n writes `/n` with its number and writes its number over `/top`.
 */
export function manyLayersArchive(count = 127): string {
  return busyboxWith({
    name: `layers:${count}`,
    layers: Array.from({ length: count - 1 }, (_, at) => [
      { path: String(at + 1), content: String(at + 1) },
      { path: "top", content: String(at + 1) },
    ]),
  });
}

/** The path of an archive with the image `jpetazzo/clock`: it prints the time once a second. */
export function clockArchive(): string {
  return busyboxWith({
    name: "jpetazzo/clock:latest",
    config: { Cmd: ["/bin/sh", "-c", "while date; do sleep 1; done"] },
  });
}
