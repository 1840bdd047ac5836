import { describe, expect, it } from "vitest";
import { committedConfig } from "../../../lib/engine/committed-config.ts";
import type { ContainerRecord } from "../../../lib/engine/records.ts";
import type { ContainerDefaults } from "../../../lib/oci/image-config.ts";

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const RECORD: ContainerRecord = {
  id: "ab".repeat(32),
  name: "lunch",
  createdAt: "2026-01-02T03:04:05.678Z",
  image: { name: "base", id: `sha256:${"cd".repeat(32)}`, layers: [] },
  command: ["sh"],
  entrypointWords: 0,
  hostname: "abababababab",
  labels: {},
  mounts: [],
  networking: { mode: "none", dns: [], dnsSearch: [], dnsOptions: [], extraHosts: [] },
  readOnly: false,
  tty: false,
  openStdin: false,
  remove: false,
  isolation: { ids: "subids", rootfs: "overlay", network: "none", seccomp: "default", notes: [] },
  security: { privileged: false, capAdd: [], capDrop: [], securityOpt: [] },
  confinement: {},
  inherited: {},
  trees: [],
};

const PROCESS = { env: [PATH, `HOSTNAME=${RECORD.hostname}`], cwd: "/", user: "0" };

interface Given {
  readonly record?: Partial<ContainerRecord>;
  readonly process?: Partial<typeof PROCESS>;
  readonly image?: ContainerDefaults;
  readonly kept?: { readonly uid: number; readonly gid: number };
}

function committed({ record, process, image = {}, kept }: Given = {}): ContainerDefaults {
  return committedConfig({
    record: { ...RECORD, ...record },
    process: { ...PROCESS, ...process },
    image,
    kept,
  });
}

describe("the config committed with a container", () => {
  it("has the command, and nothing that nobody asked for", () => {
    expect(committed()).toEqual({ Cmd: ["sh"] });
  });

  it("tells the entrypoint from the command", () => {
    const record = { command: ["/init", "a", "b"], entrypointWords: 1 };

    expect(committed({ record })).toEqual({ Entrypoint: ["/init"], Cmd: ["a", "b"] });
  });

  it("has the caller's environment and the image's, not what every container gets", () => {
    const env = [PATH, `HOSTNAME=${RECORD.hostname}`, "TERM=xterm", "A=caller", "B=image"];

    expect(committed({ record: { tty: true }, process: { env } }).Env).toEqual([
      "A=caller",
      "B=image",
    ]);
  });

  it("keeps what the image says of the same names", () => {
    const env = [PATH, "HOSTNAME=fixed", "TERM=xterm"];
    const image = { Env: [PATH, "TERM=xterm"] };

    expect(committed({ record: { tty: true }, process: { env }, image }).Env).toEqual(env);
  });

  it.each([
    { name: "nobody's", user: "0", image: undefined, expected: undefined },
    { name: "the image's", user: "cook", image: "cook", expected: "cook" },
    { name: "the caller's", user: "1:2", image: "cook", expected: "1:2" },
    { name: "root, over the image's", user: "0", image: "cook", expected: "0" },
  ])("has the user: $name", ({ user, image, expected }) => {
    expect(committed({ process: { user }, image: { User: image } }).User).toBe(expected);
  });

  it("does not have who the caller stays with keep-id", () => {
    const kept = { uid: 1000, gid: 1000 };
    const process = { user: "1000:1000" };

    expect(committed({ process, kept })).not.toHaveProperty("User");
    expect(committed({ process, kept, image: { User: "cook" } }).User).toBe("cook");
  });

  it("has the directory that was asked for, or the image's", () => {
    expect(committed({ process: { cwd: "/srv" } }).WorkingDir).toBe("/srv");
    expect(committed({ process: { cwd: "/" }, image: { WorkingDir: "/srv" } }).WorkingDir).toBe(
      "/",
    );
  });

  it("has labels, ports, signal and health check", () => {
    const Healthcheck = { Test: ["NONE"] };
    const inherited = { StopSignal: "SIGINT", ExposedPorts: { "80/tcp": {} }, Healthcheck };
    const labels = { a: "1" };

    expect(committed({ record: { inherited, labels } })).toMatchObject({
      ...inherited,
      Labels: labels,
    });
    const confinement = { stopSignal: "SIGTERM" };
    expect(committed({ record: { inherited, confinement } }).StopSignal).toBe("SIGTERM");
  });

  it("has the volumes without a name, the image's and the caller's", () => {
    const anonymous = { type: "volume", source: "12", target: "/data", anonymous: true } as const;
    const named = { type: "volume", source: "db", target: "/db", anonymous: false } as const;

    const { Volumes } = committed({
      record: { mounts: [anonymous, named] },
      image: { Volumes: { "/var": {} } },
    });

    expect(Volumes).toEqual({ "/var": {}, "/data": {} });
  });

  it("hands on the shell of the image's builder, but not what it is to do next", () => {
    const image = { Shell: ["/bin/ash", "-c"], OnBuild: ["RUN make"] };

    expect(committed({ image })).toEqual({ Cmd: ["sh"], Shell: ["/bin/ash", "-c"] });
  });
});
