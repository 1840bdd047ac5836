import { describe, expect, it } from "vitest";
import { digestOf } from "../../../lib/oci/digest.ts";
import { parseImageConfig, platformOf } from "../../../lib/oci/image-config.ts";

const diffId = digestOf("layer");
const minimal = {
  architecture: "amd64",
  os: "linux",
  rootfs: { type: "layers", diff_ids: [diffId] },
};

describe("image configs", () => {
  it("may say as little as platform and layers", () => {
    expect(parseImageConfig(minimal)).toEqual({ ...minimal, config: {}, history: [] });
  });

  it("of Docker have null for what is not set", () => {
    const config = {
      Cmd: null,
      Entrypoint: null,
      Env: null,
      Labels: null,
      User: "",
      Volumes: null,
    };

    const parsed = parseImageConfig({ ...minimal, config, container_config: {}, id: "x" });

    expect(parsed.config).toEqual({ User: "" });
  });

  it("are read in full", () => {
    const config = {
      User: "cook:50",
      ExposedPorts: { "80/tcp": {} },
      Env: ["PATH=/bin"],
      Entrypoint: ["/bin/sh"],
      Cmd: ["-c", "true"],
      Volumes: { "/data": {} },
      WorkingDir: "/srv",
      Labels: { a: "1" },
      StopSignal: "SIGINT",
      Healthcheck: { Test: ["CMD", "true"], Interval: 5e9, Retries: 3 },
      OnBuild: ["RUN true"],
      Shell: ["/bin/sh", "-c"],
    };
    const history = [{ created: "2024-01-01T00:00:00Z", created_by: "RUN x", empty_layer: true }];
    const json = { ...minimal, created: "2024-01-01T00:00:00Z", author: "me", config, history };

    expect(parseImageConfig(json)).toEqual(json);
  });

  it("tell their platform", () => {
    const parsed = parseImageConfig({ ...minimal, architecture: "arm64", variant: "v8" });

    expect(platformOf(parsed)).toEqual({ os: "linux", architecture: "arm64", variant: "v8" });
  });

  it.each([
    ["no architecture", { ...minimal, architecture: undefined }],
    ["no rootfs", { ...minimal, rootfs: undefined }],
    ["another kind of rootfs", { ...minimal, rootfs: { type: "squash", diff_ids: [] } }],
    ["a diff id that is none", { ...minimal, rootfs: { type: "layers", diff_ids: ["x"] } }],
    ["a command that is a text", { ...minimal, config: { Cmd: "sh" } }],
    ["a label that is a number", { ...minimal, config: { Labels: { a: 1 } } }],
    ["a list", []],
  ])("are refused: %s", (_, json) => {
    expect(() => parseImageConfig(json)).toThrow(expect.objectContaining({ code: "CORRUPT" }));
  });

  it("for other systems are refused by name", () => {
    expect(() => parseImageConfig({ ...minimal, os: "windows" })).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED", message: expect.stringContaining("windows") }),
    );
  });
});
