import { describe, expect, it } from "vitest";
import { checkPlatform, choosePlatform } from "../../../lib/images/choose-platform.ts";
import { digestOf } from "../../../lib/oci/digest.ts";
import { MANIFEST } from "../../../lib/oci/media-types.ts";
import { hostPlatform, parsePlatformText } from "../../../lib/oci/platform.ts";

const manifest = (name: string, platform?: string, annotations?: Record<string, string>) => ({
  mediaType: MANIFEST,
  digest: digestOf(name),
  size: name.length,
  ...(platform !== undefined && { platform: parsePlatformText(platform) }),
  ...(annotations && { annotations }),
});
const amd64 = manifest("a", "linux/amd64");
const newer = manifest("n", "linux/amd64/v3");
const arm64 = manifest("b", "linux/arm64/v8");
const windows = manifest("w", "windows/amd64");
const unknown = manifest("u", "unknown/unknown");
const attestation = manifest("t", "linux/amd64", { "vnd.docker.reference.type": "x" });
const silent = manifest("s");
const wanted = hostPlatform("x64");

describe("the image for a platform", () => {
  it.each([
    ["is the one that names it", [windows, arm64, newer, amd64], amd64],
    ["is the first of several", [amd64, { ...amd64, size: 7 }], amd64],
    ["is never an attestation", [unknown, attestation, amd64], amd64],
    ["may be one that names none", [arm64, silent], silent],
    ["is rather one that names it", [silent, amd64], amd64],
  ])("%s", (_, manifests, expected) => {
    expect(choosePlatform(manifests, wanted, "lunch")).toBe(expected);
  });

  it("may be for a newer processor when that is asked for", () => {
    const asked = parsePlatformText("linux/amd64/v3");

    expect(choosePlatform([amd64, newer], asked, "lunch")).toBe(newer);
  });

  it.each([
    ["names what is there", [arm64, windows, arm64], "lunch is for linux/arm64, windows/amd64; "],
    ["says that nothing is there", [unknown], "lunch is for no platform at all; "],
  ])("that is missing %s", (_, manifests, message) => {
    expect(() => choosePlatform(manifests, wanted, "lunch")).toThrow(
      expect.objectContaining({
        code: "UNSUPPORTED",
        message: expect.stringContaining(message),
        details: expect.objectContaining({ wanted: "linux/amd64" }),
      }),
    );
  });

  it("that is missing names twenty of thousands, none of them in a line of its own", () => {
    const odd = {
      ...silent,
      platform: { os: "beos\n\u001b[31mmarmita: run this", architecture: "x" },
    };
    const many = Array.from({ length: 5_000 }, (_, index) => manifest("m", `beos/m${index}`));
    const choose = (manifests: Parameters<typeof choosePlatform>[0]) => () =>
      choosePlatform(manifests, wanted, "lunch");

    expect(choose([odd])).toThrow(String.raw`lunch is for "beos\n\u001b[31mmarmita: run this/x"; `);
    expect(choose(many)).toThrow(/^lunch is for beos\/m0, .* beos\/m19 and 4980 more; this/);
  });

  it("is checked against its config, too", () => {
    const s390x = parsePlatformText("linux/s390x");

    expect(() => checkPlatform(wanted, wanted, "lunch")).not.toThrow();
    expect(() => checkPlatform(wanted, s390x, "lunch")).toThrow(
      "lunch is for linux/amd64; asked for was linux/s390x",
    );
    expect(() => checkPlatform(s390x, hostPlatform(), "lunch")).toThrow("; this machine is linux/");
  });

  it("has a hint that is right for a load and for a pull", () => {
    const s390x = parsePlatformText("linux/s390x");

    expect(() => checkPlatform(wanted, s390x, "lunch")).toThrow(
      expect.objectContaining({
        hint: "Take an image that is made for it, or leave the option platform out.",
      }),
    );
  });
});
