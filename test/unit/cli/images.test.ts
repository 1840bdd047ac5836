import { describe, expect, it } from "vitest";
import { formatImages, imageLines, images } from "../../../lib/cli/images.ts";
import { parseFlags } from "../../../lib/cli/flags.ts";
import type { Digest } from "../../../lib/oci/digest.ts";

const NOW = new Date("2024-01-01T12:00:00Z");
const digest = (digit: string): Digest => `sha256:${digit.repeat(64)}`;

function image(names: readonly string[], created?: string) {
  const repoDigests = names.map((name) => `${name.replace(/:[^:]*$/, "")}@${digest("b")}`);
  return { id: digest("a"), digest: digest("b"), repoDigests, size: 4_270_000, created, names };
}

function printed(list: Parameters<typeof imageLines>[0], ...args: readonly string[]): string {
  return formatImages(imageLines(list), parseFlags(images, args), NOW);
}

const LIST = [image(["busybox:latest", "box:1"], "2024-01-01T07:00:00Z"), image([], "nonsense")];

describe("images", () => {
  it("have a line for each name", () => {
    expect(imageLines([image(["busybox:latest", "localhost:5000/box:1"])])).toMatchObject([
      { repository: "busybox", tag: "latest" },
      { repository: "localhost:5000/box", tag: "1" },
    ]);
  });

  it("come newest first", () => {
    const list = [
      image(["old:1"], "2020-01-01T00:00:00Z"),
      image(["undated:1"]),
      image(["new:1"], "2024-01-01T00:00:00Z"),
    ];

    expect(imageLines(list).map(({ repository }) => repository)).toEqual(["new", "old", "undated"]);
  });

  it("are shown in Docker's columns, without a name too", () => {
    expect(printed(LIST)).toBe(
      [
        "REPOSITORY   TAG       IMAGE ID       CREATED       SIZE",
        "busybox      latest    aaaaaaaaaaaa   5 hours ago   4.27MB",
        "box          1         aaaaaaaaaaaa   5 hours ago   4.27MB",
        "<none>       <none>    aaaaaaaaaaaa   N/A           4.27MB",
        "",
      ].join("\n"),
    );
  });

  it.each([
    ["ids alone, each once", ["-q"], /^a{12}\n$/],
    ["whole ids", ["-q", "--no-trunc"], /^sha256:a{64}\n$/],
    ["ids of tables that are not shown", ["-q", "--format", "table"], /^a{12}\n$/],
    ["a template rather than ids", ["-q", "--format", "{{.Tag}}"], /^latest\n1\n<none>\n$/],
    ["digests", ["--format", "{{.Digest}}"], /^(sha256:b{64}\n){3}$/],
    [
      "Docker's `raw`",
      ["--format", "raw"],
      /^repository: busybox\ntag: latest\nimage_id: a{12}\ncreated_at: 2024-01-01 .*\nvirtual_size: 4.27MB\n\n/,
    ],
    [
      "times",
      ["--format", "{{.CreatedAt}}"],
      /^2024-01-01 \d\d:\d\d:00 [+-]\d{4} \S+\n.*\nN\/A\n$/,
    ],
  ])("are shown as %s", (_, args, expected) => {
    expect(printed(LIST, ...args)).toMatch(expected);
  });

  it("have a column of digests with --digests", () => {
    expect(printed(LIST, "--digests").split("\n")[0]).toMatch(
      /^REPOSITORY +TAG +DIGEST {68}IMAGE ID/,
    );
  });

  it("are lines of JSON with Docker's keys", () => {
    const [first = ""] = printed(LIST, "--format", "json").split("\n");

    expect(Object.keys(JSON.parse(first) as object).join(" ")).toBe(
      "Containers CreatedAt CreatedSince Digest ID Repository SharedSize Size Tag UniqueSize VirtualSize",
    );
  });
});
