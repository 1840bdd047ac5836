import { describe, expect, it } from "vitest";
import { askedMountsJson, mountJson, volumesJson } from "../../../lib/engine/mount-json.ts";
import type { RecordedMount } from "../../../lib/engine/mounts.ts";
import { Paths } from "../../../lib/store/paths.ts";

const paths = new Paths("/data");
const MOUNTS: readonly RecordedMount[] = [
  { type: "bind", source: "/s", target: "/plain" },
  {
    type: "bind",
    source: "/s",
    target: "/odd",
    readOnly: true,
    relabel: "private",
    recursive: false,
    propagation: "rslave",
    nodev: true,
    idmap: true,
  },
  { type: "volume", source: "data", target: "/data", readOnly: true, copy: false },
  { type: "volume", source: "ab".repeat(32), target: "/own", anonymous: true },
  { type: "volume", source: "data", target: "/part", subpath: "a" },
  { type: "image", source: "tools", target: "/tools", id: `sha256:${"cd".repeat(32)}` },
  { type: "tmpfs", target: "/tmp", sizeBytes: 4096, mode: 0o700, options: ["exec"] },
];

describe("mounts, inspected", () => {
  it("are all of a container's, as they are", () => {
    const shown = MOUNTS.map((mount) => mountJson(paths, mount));

    expect(
      shown.map(({ Type, Source, Mode, RW, Propagation }) => {
        return [Type, Source, Mode, RW, Propagation].join(" ");
      }),
    ).toEqual([
      "bind /s  true rprivate",
      "bind /s ro,Z false rslave",
      "volume /data/volumes/data/_data ro false ",
      `volume /data/volumes/${"ab".repeat(32)}/_data  true `,
      "volume /data/volumes/data/_data  true ",
      "image tools  false ",
      "tmpfs   true ",
    ]);
    expect(shown[2]).toMatchObject({ Name: "data", Driver: "local", Destination: "/data" });
  });

  it("are what was asked for, each in the form that has words for it", () => {
    expect(askedMountsJson(MOUNTS)).toEqual({
      Binds: ["/s:/plain", "/s:/odd:ro,Z,bind,rslave,idmap,nodev", "data:/data:ro,nocopy"],
      Mounts: [
        {
          Type: "volume",
          Source: "data",
          Target: "/part",
          ReadOnly: false,
          VolumeOptions: { NoCopy: false, Labels: {}, Subpath: "a" },
        },
        {
          Type: "image",
          Source: "tools",
          Target: "/tools",
          ReadOnly: true,
          ImageOptions: { Subpath: "" },
        },
      ],
      Tmpfs: { "/tmp": "size=4096,mode=700,exec" },
    });
    expect(volumesJson(MOUNTS)).toEqual({ "/own": {} });
    expect(volumesJson([])).toBeNull();
  });
});
