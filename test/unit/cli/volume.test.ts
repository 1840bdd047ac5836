import { describe, expect, it } from "vitest";
import { parseFlags } from "../../../lib/cli/flags.ts";
import { formatVolumes, volumes } from "../../../lib/cli/volume.ts";
import type { Volume } from "../../../lib/engine/volume.ts";

const LIST: readonly Volume[] = [
  volume("data", { stage: "test", a: "1" }),
  volume("cache", { "with\u001b": "\u001b[31m" }),
];

function volume(name: string, labels: Readonly<Record<string, string>>): Volume {
  return {
    name,
    driver: "local",
    createdAt: "2026-01-01T00:00:00Z",
    labels,
    anonymous: false,
    mountpoint: `/root/volumes/${name}/_data`,
    containers: [],
  };
}

function printed(...args: readonly string[]): string {
  return formatVolumes(LIST, parseFlags(volumes, args));
}

describe("volumes", () => {
  it("are shown in Docker's columns", () => {
    expect(printed()).toBe("DRIVER    VOLUME NAME\nlocal     data\nlocal     cache\n");
  });

  it("are shown by their names alone", () => {
    expect(printed("-q")).toBe("data\ncache\n");
  });

  it("are shown by a template, which counts for more than being quiet", () => {
    expect(printed("-q", "--format", '{{.Name}} {{.Labels}} {{.Label "stage"}}')).toBe(
      "data a=1,stage=test test\ncache with\\u001b=\\u001b[31m \n",
    );
  });

  it("have the keys that Docker prints in JSON", () => {
    expect(JSON.parse(printed("--format", "json").split("\n")[0] ?? "")).toEqual({
      Availability: "N/A",
      Driver: "local",
      Group: "N/A",
      Labels: "a=1,stage=test",
      Links: "N/A",
      Mountpoint: "/root/volumes/data/_data",
      Name: "data",
      Scope: "local",
      Size: "N/A",
      Status: "N/A",
    });
  });

  it("have headings of their own in a table", () => {
    expect(printed("--format", 'table {{.Name}}\t{{.Label "stage"}}')).toBe(
      "VOLUME NAME   stage\ndata          test\ncache         \n",
    );
  });
});
