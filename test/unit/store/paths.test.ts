import { homedir } from "node:os";
import { describe, expect, it } from "vitest";
import { digestOf, hexOf } from "../../../lib/oci/digest.ts";
import { Paths, dataRoot } from "../../../lib/store/paths.ts";

describe("the data root", () => {
  it.each([
    ["what is asked for", "/srv/lunch", { MARMITA_ROOT: "/other" }, "/srv/lunch"],
    ["MARMITA_ROOT", undefined, { MARMITA_ROOT: "/box", XDG_DATA_HOME: "/data" }, "/box"],
    ["XDG_DATA_HOME", undefined, { XDG_DATA_HOME: "/data", HOME: "/home/cook" }, "/data/marmita"],
    ["the home directory", undefined, { HOME: "/home/cook" }, "/home/cook/.local/share/marmita"],
    ["the home directory in passwd", undefined, {}, `${homedir()}/.local/share/marmita`],
    [
      "no relative XDG_DATA_HOME",
      undefined,
      { XDG_DATA_HOME: "x", HOME: "/h" },
      "/h/.local/share/marmita",
    ],
    [
      "no empty variable",
      undefined,
      { MARMITA_ROOT: "", XDG_DATA_HOME: "", HOME: "/h" },
      "/h/.local/share/marmita",
    ],
    ["a relative path from here", "lunch", {}, `${process.cwd()}/lunch`],
  ])("is %s", (_, explicit, env, expected) => {
    expect(dataRoot(explicit, env)).toBe(expected);
  });

  it.each(["", "a\0b"])("is not %j", (path) => {
    expect(() => dataRoot(path, {})).toThrow("not a directory's name");
  });

  it("keeps each object under a name of its own", () => {
    const paths = new Paths("/root");
    const digest = digestOf("x");

    expect(paths.blob(digest)).toBe(`/root/images/blobs/sha256/${hexOf(digest)}`);
    expect(paths.layer(digest)).toBe(`/root/layers/${hexOf(digest)}`);
    expect(paths.container("id")).toBe("/root/containers/id");
    expect(paths.name("web")).toBe("/root/names/web");
    expect(paths.lock("images")).toBe("/root/locks/images");
    expect(paths.index).toBe("/root/images/index.json");
  });
});
