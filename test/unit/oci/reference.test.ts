import { describe, expect, it } from "vitest";
import {
  canonical,
  familiar,
  familiarName,
  findReference,
  isReserved,
  parseImageName,
  parseReference,
} from "../../../lib/oci/reference.ts";

const HEX = "ab".repeat(32);
const DIGEST = `sha256:${HEX}`;

describe("image names", () => {
  it.each([
    ["ubuntu", "docker.io/library/ubuntu:latest", "ubuntu:latest"],
    ["ubuntu:24.04", "docker.io/library/ubuntu:24.04", "ubuntu:24.04"],
    ["jpetazzo/clock", "docker.io/jpetazzo/clock:latest", "jpetazzo/clock:latest"],
    ["library/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
    ["docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
    ["index.docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
    ["docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"],
    [
      "registry.example.com:5000/private/image:tag",
      "registry.example.com:5000/private/image:tag",
      "registry.example.com:5000/private/image:tag",
    ],
    ["localhost/lunch", "localhost/lunch:latest", "localhost/lunch:latest"],
    ["localhost:5000/lunch", "localhost:5000/lunch:latest", "localhost:5000/lunch:latest"],
    ["[::1]:5000/lunch", "[::1]:5000/lunch:latest", "[::1]:5000/lunch:latest"],
    ["Host/lunch", "Host/lunch:latest", "Host/lunch:latest"],
    ["a--b/c__d.e-f", "docker.io/a--b/c__d.e-f:latest", "a--b/c__d.e-f:latest"],
    [`ubuntu@${DIGEST}`, `docker.io/library/ubuntu@${DIGEST}`, `ubuntu@${DIGEST}`],
    [`ubuntu:1@${DIGEST}`, `docker.io/library/ubuntu:1@${DIGEST}`, `ubuntu:1@${DIGEST}`],
    ["x:A_b.c-9", "docker.io/library/x:A_b.c-9", "x:A_b.c-9"],
  ])("%s is %s and shown as %s", (text, full, short) => {
    const reference = parseReference(text);

    expect(canonical(reference)).toBe(full);
    expect(familiar(reference)).toBe(short);
    expect(parseReference(full)).toEqual(reference);
    expect(parseReference(short)).toEqual(reference);
  });

  it.each([
    ["", "it is empty"],
    ["Busybox", "a name is in lower case"],
    ["docker.io/Library/x", "a name is in lower case"],
    [HEX, "64 hexadecimal digits are an id"],
    ["a..b", "single separators"],
    ["-a", "single separators"],
    ["a/", "single separators"],
    ["/a", "single separators"],
    ["a//b", "single separators"],
    ["a___b", "single separators"],
    ["https://example.com/a", "is not a host"],
    ["a b", "single separators"],
    ["../../etc/passwd", "is not a host"],
    ["a:", "is not a tag"],
    ["a:-x", "is not a tag"],
    [`a:${"x".repeat(129)}`, "is not a tag"],
    ["a:b\n", "is not a tag"],
    ["a@sha256:12", "is not a sha256 digest"],
    [`a@sha512:${"0".repeat(128)}`, "is not a sha256 digest"],
    [`example.com/${"a".repeat(256)}`, "at most 255 characters"],
    ["exam_ple.com/a", "is not a host"],
    ["example.com:port/a", "is not a host"],
  ])("%j is refused: %s", (text, reason) => {
    expect(() => parseReference(text)).toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining(reason),
      }),
    );
  });

  it("may have 255 characters and a tag of 128", () => {
    const text = `${"a".repeat(247)}:${"t".repeat(128)}`;

    expect(familiar(parseReference(text))).toBe(text);
  });

  it("answers in linear time to what nearly is a name", () => {
    const started = performance.now();

    expect(() => parseReference(`${"a-".repeat(20_000)}!`)).toThrow("at most 255");
    expect(() => parseReference(`${"a.".repeat(20_000)}!/b`)).toThrow("is not a host");

    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe("reserved names", () => {
  it.each(["host", "scratch", "host:1", "library/scratch", "docker.io/library/host:latest"])(
    "%s is one",
    (text) => {
      expect(isReserved(text)).toBe(true);
      expect(() => parseImageName(text)).toThrow("is a reserved name");
    },
  );

  it.each(["hosts", "me/host", "example.com/scratch", "localhost/host", "latest", "Not a name"])(
    "%s is none",
    (text) => {
      expect(isReserved(text)).toBe(false);
    },
  );
});

describe("names given to images", () => {
  it("have a tag, never a digest", () => {
    expect(familiar(parseImageName("busybox"))).toBe("busybox:latest");
    expect(() => parseImageName(`busybox@${DIGEST}`)).toThrow("its digest follows");
  });

  it("are shown without their tag where only the repository counts", () => {
    expect(familiarName(parseReference("busybox:1"))).toBe("busybox");
  });
});

describe("names in annotations", () => {
  it.each([
    ["busybox:latest", true],
    ["latest", false],
    ["Hello World", false],
    ["", false],
  ])("%j is a name: %s", (text, isName) => {
    expect(findReference(text) !== undefined).toBe(isName);
  });
});
