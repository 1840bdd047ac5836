import { describe, expect, it } from "vitest";
import {
  formatPlatform,
  hostPlatform,
  isUnknownPlatform,
  normalizePlatform,
  parsePlatform,
  parsePlatformText,
  platformMatches,
} from "../../../lib/oci/platform.ts";

describe("platforms", () => {
  it.each([
    ["linux/amd64", "linux/amd64"],
    ["linux/x86_64", "linux/amd64"],
    ["Linux/AMD64", "linux/amd64"],
    ["linux/amd64/v1", "linux/amd64"],
    ["linux/amd64/v3", "linux/amd64/v3"],
    ["linux/aarch64", "linux/arm64"],
    ["linux/arm64/v8", "linux/arm64"],
    ["linux/arm64/8", "linux/arm64"],
    ["linux/arm64/v9", "linux/arm64/v9"],
    ["linux/arm", "linux/arm"],
    ["linux/armhf", "linux/arm"],
    ["linux/armel", "linux/arm/v6"],
    ["linux/riscv64", "linux/riscv64"],
    ["riscv64", "linux/riscv64"],
    ["aarch64", "linux/arm64"],
    ["linux", formatPlatform(hostPlatform())],
  ])("%s is %s", (text, expected) => {
    expect(formatPlatform(parsePlatformText(text))).toBe(expected);
  });

  it.each([
    "amd65",
    "",
    "linux/amd64/v1/",
    "linux/",
    "linux/amd64/v1/x",
    "linux amd64",
    "linux/a b",
  ])("%j is refused", (text) => {
    expect(() => parsePlatformText(text)).toThrow('expected a platform such as "linux/amd64"');
  });

  it.each([
    ["x64", "linux/amd64"],
    ["arm64", "linux/arm64"],
    ["ia32", "linux/386"],
  ])("of a Node for %s is %s", (architecture, expected) => {
    expect(formatPlatform(hostPlatform(architecture))).toBe(expected);
  });

  it.each([
    ["the same", "amd64", undefined, true],
    ["the base variant said", "amd64", "v1", true],
    ["a variant that needs more", "amd64", "v3", false],
    ["another architecture", "arm64", undefined, false],
  ])("match by what they need: %s", (_, architecture, variant, matches) => {
    const platform = { os: "linux", architecture, variant };

    expect(platformMatches(hostPlatform("x64"), platform)).toBe(matches);
  });

  it.each(["__proto__", "constructor"])("may have any name: %s", (architecture) => {
    expect(formatPlatform({ os: "linux", architecture })).toBe(`linux/${architecture}`);
  });

  it("of another system do not match", () => {
    const windows = { os: "windows", architecture: "amd64" };

    expect(platformMatches(hostPlatform("x64"), windows)).toBe(false);
  });

  it("are read from JSON with an empty variant left out", () => {
    const json = { os: "linux", architecture: "arm64", variant: "", "os.features": ["x"] };

    expect(parsePlatform(json)).toEqual({ os: "linux", architecture: "arm64" });
  });

  it("of attestations are told apart", () => {
    expect(isUnknownPlatform({ os: "unknown", architecture: "unknown" })).toBe(true);
    expect(isUnknownPlatform(hostPlatform())).toBe(false);
    expect(isUnknownPlatform(undefined)).toBe(false);
  });

  it("keep a variant that says something", () => {
    expect(normalizePlatform({ os: "linux", architecture: "arm", variant: "v6" })).toEqual({
      os: "linux",
      architecture: "arm",
      variant: "v6",
    });
  });
});
