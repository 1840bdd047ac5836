import { describe, expect, it } from "vitest";
import { MarmitaError } from "../../../lib/errors.ts";
import { filterImages, type ImageFilters } from "../../../lib/images/filter.ts";
import type { Image } from "../../../lib/images/image.ts";
import { similarNames } from "../../../lib/images/names.ts";
import type { Digest } from "../../../lib/oci/digest.ts";

const digest = (text: string): Digest => `sha256:${text.padEnd(64, "0")}`;

interface Sketch {
  readonly names?: readonly string[];
  readonly created?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Each step has a layer. */
  readonly steps?: readonly string[];
}

function image({ names = [], created, labels = {}, steps = [] }: Sketch): Image {
  const diffIds = steps.map((step) => digest(Buffer.from(step).toString("hex")));
  const [id = digest("f")] = diffIds.toReversed();
  return {
    id,
    digest: id,
    names,
    size: 1,
    created,
    layers: [],
    manifest: {
      layers: [],
      config: { mediaType: "", digest: id, size: 1 },
      mediaType: "",
      schemaVersion: 2,
    },
    config: {
      architecture: "amd64",
      os: "linux",
      config: { Labels: labels },
      rootfs: { type: "layers", diff_ids: diffIds },
      history: steps.map((step) => ({ created_by: step })),
    },
  } as unknown as Image;
}

const IMAGES: readonly Image[] = [
  image({
    names: ["busybox:1", "busybox:2"],
    created: "2024-01-01T00:00:00Z",
    labels: { a: "1" },
    steps: ["b"],
  }),
  image({
    names: ["jpetazzo/clock:latest"],
    created: "2024-02-01T00:00:00Z",
    labels: { a: "2", b: "" },
    steps: ["c"],
  }),
  image({ names: ["localhost:5000/box:1"], created: "2024-03-01T00:00:00Z", steps: ["d"] }),
  image({ created: "2024-04-01T00:00:00Z", steps: ["e"] }), // something was made of it
  image({ created: "2024-05-01T00:00:00Z", steps: ["e", "f"] }),
];

async function names(filters: ImageFilters): Promise<readonly string[]> {
  const get = async (name: string) => {
    const found = IMAGES.find((one) => one.names.includes(name));
    if (found === undefined) throw new MarmitaError("NOT_FOUND", name);
    return found;
  };
  const found = await filterImages(IMAGES, filters, { get });
  return found.map(
    (one) => one.names.join(" ") || one.config.history.map(({ created_by: by }) => by).join(""),
  );
}

const NAMED = ["busybox:1 busybox:2", "jpetazzo/clock:latest", "localhost:5000/box:1"];

describe("a list of images", () => {
  it.each<[string, ImageFilters, readonly string[]]>([
    ["has all", {}, [...NAMED, "e", "ef"]],
    ["hides what others were made from", { intermediate: false }, [...NAMED, "ef"]],
    ["has those that dangle", { dangling: true }, ["ef"]],
    ["has those that do not dangle", { dangling: false }, [...NAMED, "e"]],
    ["goes by labels", { labels: ["a"] }, NAMED.slice(0, 2)],
    ["goes by their values", { labels: ["a=1"] }, NAMED.slice(0, 1)],
    [
      "goes by several labels, which all have to be there",
      { labels: ["a", "b="] },
      NAMED.slice(1, 2),
    ],
    ["goes by labels that are not there", { withoutLabels: ["a"] }, [NAMED[2] ?? "", "e", "ef"]],
    [
      "goes by what was made before another",
      { before: "jpetazzo/clock:latest" },
      NAMED.slice(0, 1),
    ],
    [
      "goes by what was made after another",
      { since: "jpetazzo/clock:latest" },
      [NAMED[2] ?? "", "e", "ef"],
    ],
    ["goes by time", { until: "2024-02-15T00:00:00Z" }, NAMED.slice(0, 2)],
    ["takes a date for a time", { until: new Date("2024-02-15") }, NAMED.slice(0, 2)],
    [
      "wants all that is asked",
      { until: "2024-02-15T00:00:00Z", labels: ["b"] },
      NAMED.slice(1, 2),
    ],
  ])("%s", async (_, filters, expected) => {
    expect(await names(filters)).toEqual(expected);
  });

  it.each([
    [["busybox"], ["busybox:1 busybox:2"]],
    [["busybox:1"], ["busybox:1"]],
    [["busybox:*"], ["busybox:1 busybox:2"]],
    [["busybox:[2-9]"], ["busybox:2"]],
    [["busybox:[^2]"], ["busybox:1"]],
    [["busy*"], ["busybox:1 busybox:2"]],
    [["jpetazzo/*"], ["jpetazzo/clock:latest"]],
    [["*"], ["busybox:1 busybox:2"]],
    [["*/*"], ["jpetazzo/clock:latest", "localhost:5000/box:1"]],
    [["busybo."], []],
    [["localhost:5000/box"], ["localhost:5000/box:1"]],
    [["docker.io/library/busybox:2"], ["busybox:2"]],
    [["docker.io/jpetazzo/clock"], ["jpetazzo/clock:latest"]],
    [
      ["busybox:1", "*/clock"],
      ["busybox:1", "jpetazzo/clock:latest"],
    ],
    [[String.raw`busybox:\1`], ["busybox:1"]],
  ])("is chosen by %j", async (references, expected) => {
    expect(await names({ references })).toEqual(expected);
  });

  it.each([
    ["a pattern that is none", { references: ["busybox["] }, "INVALID_ARGUMENT"],
    ["a range that is none", { references: ["[z-a]"] }, "INVALID_ARGUMENT"],
    ["a time that is none", { until: "soon" }, "INVALID_ARGUMENT"],
    ["an image that is not there", { before: "nope" }, "NOT_FOUND"],
  ])("refuses %s", async (_, filters, code) => {
    await expect(names(filters)).rejects.toMatchObject({ code });
  });
});

describe("a name that no image has", () => {
  const known = ["busybox:latest", "debian:bookworm", "debian:trixie", "jpetazzo/clock:latest"];

  it.each([
    ["busybx", ["busybox:latest"]],
    ["debian", ["debian:bookworm", "debian:trixie"]],
    ["clock", ["jpetazzo/clock:latest"]],
    ["docker.io/library/busybox:2", ["busybox:latest"]],
    ["fedora", []],
    ["0123456789ab", []],
    ["busybox@sha256:0", []],
  ])("%s is close to %j", (asked, close) => {
    expect(similarNames(asked, known)).toEqual(close);
  });
});
