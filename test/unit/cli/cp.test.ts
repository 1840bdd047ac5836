import { describe, expect, it } from "vitest";
import { parseCopyArgument } from "../../../lib/cli/cp.ts";

describe("an argument of cp", () => {
  it.each([
    ["web:/etc/hosts", { container: "web", path: "/etc/hosts" }],
    ["web:etc", { container: "web", path: "etc" }],
    ["web:", { container: "web", path: "" }],
    ["web:/a:b", { container: "web", path: "/a:b" }],
    ["file", { path: "file" }],
    ["-", { path: "-" }],
    ["/a:b", { path: "/a:b" }],
    ["./a:b", { path: "./a:b" }],
    ["../a:b", { path: "../a:b" }],
    [":b", { path: ":b" }],
  ])("%s", (text, expected) => {
    expect(parseCopyArgument(text)).toEqual(expected);
  });
});
