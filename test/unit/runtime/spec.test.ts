import { describe, expect, it } from "vitest";
import { resolveSecurity } from "../../../lib/runtime/security.ts";
import { createSpec } from "../../../lib/runtime/spec.ts";
import type { SpecInput, SpecOptions } from "../../../lib/runtime/spec-input.ts";

const ID = "0123456789abcdef".repeat(4);
const EXTENTS = [
  { inside: 0, outside: 1500, size: 1 },
  { inside: 1, outside: 100_000, size: 65_536 },
];

function input(given: Partial<SpecInput> = {}): SpecInput {
  return {
    id: ID,
    bundle: `/data/containers/${ID}`,
    image: { Cmd: ["sh"], Env: ["PATH=/bin", "A=image"], WorkingDir: "srv" },
    options: {},
    mapping: { mode: "subids", uids: EXTENTS, gids: EXTENTS, setgroups: true },
    machineName: "machine",
    security: resolveSecurity({ seccomp: "unconfined" }),
    ...given,
  };
}

const spec = (options: SpecInput["options"], given: Partial<SpecInput> = {}) =>
  createSpec(input({ ...given, options }));

describe("the command of a container", () => {
  const image = { Entrypoint: ["/init", "-v"], Cmd: ["serve"] };

  it.each([
    ["the image's", {}, ["/init", "-v", "serve"]],
    ["the caller's behind the image's entrypoint", { command: ["x"] }, ["/init", "-v", "x"]],
    ["the image's for an empty one", { command: [] }, ["/init", "-v", "serve"]],
    ["an entrypoint alone, without the image's command", { entrypoint: "/sh" }, ["/sh"]],
    ["entrypoint and command", { entrypoint: ["/sh"], command: ["-c"] }, ["/sh", "-c"]],
    ["a command without the entrypoint", { entrypoint: null, command: ["ls"] }, ["ls"]],
    ["a command where the entrypoint is empty", { entrypoint: "", command: ["ls"] }, ["ls"]],
  ])("is %s", (_, options, args) => {
    expect(spec(options, { image }).process.args).toEqual(args);
  });

  it("is refused where nobody names one", () => {
    expect(() => spec({ entrypoint: [] }, { image })).toThrow("no command specified");
  });
});

describe("the environment of a container", () => {
  it("has PATH and HOSTNAME, the caller's, and the image's, each name once", () => {
    const { env } = spec({ env: { A: "mine", B: "", C: undefined } }).process;

    expect(env).toEqual(["PATH=/bin", "HOSTNAME=0123456789ab", "A=mine", "B="]);
  });

  it("has TERM with a terminal, unless caller or image have one", () => {
    const env = (options: SpecOptions, Env: string[] = []) =>
      spec({ tty: true, ...options }, { image: { Cmd: ["sh"], Env } }).process.env;

    expect(env({})).toContain("TERM=xterm");
    expect(env({ env: { TERM: "dumb" } })).toContain("TERM=dumb");
    expect(env({}, ["TERM=linux"])).toContain("TERM=linux");
    expect(env({ tty: false })?.join()).not.toContain("TERM");
  });

  it("has Docker's PATH where nobody sets one", () => {
    expect(spec({}, { image: { Cmd: ["sh"] } }).process.env?.[0]).toBe(
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    );
  });
});

describe("the user of a container", () => {
  it.each([
    ["root", {}, {}, { uid: 0, gid: 0, username: "0" }],
    ["the image's", { User: "www" }, {}, { uid: 0, gid: 0, username: "www" }],
    ["the caller's", { User: "www" }, { user: "7:8" }, { uid: 7, gid: 8, username: "7:8" }],
  ])("is %s", (_, image, options, user) => {
    expect(spec(options, { image: { Cmd: ["sh"], ...image } }).process.user).toEqual(user);
  });

  it("is the caller itself for image host, whose ids stay what they are", () => {
    const { process, linux } = spec({}, { keep: { uid: 1500, gid: 1500 } });

    expect(process.user).toEqual({ uid: 1500, gid: 1500, username: "1500:1500" });
    expect(linux.uidMappings).toContainEqual({ containerID: 1500, hostID: 1500, size: 1 });
  });
});

describe("a config.json", () => {
  it("is what Docker would write", () => {
    const made = spec({ labels: { b: "2" } }, { image: { Cmd: ["true"], Labels: { a: "1" } } });

    expect(made).toMatchSnapshot();
  });

  it("has a terminal of 80 times 24 unless another size is asked for", () => {
    const terminal = (terminalSize?: SpecInput["terminalSize"]) =>
      spec({ tty: true }, { terminalSize }).process;

    expect(terminal()).toMatchObject({ terminal: true, consoleSize: { width: 80, height: 24 } });
    expect(terminal({ columns: 132 }).consoleSize).toEqual({ width: 132, height: 24 });
    expect(spec({}).process).not.toHaveProperty("consoleSize");
  });

  it("does not pass on labels by which an image could steer crun", () => {
    const image = { Cmd: ["sh"], Labels: { "run.oci.keep_original_groups": "1", a: "1" } };

    expect(spec({}, { image }).annotations).toEqual({ a: "1" });
  });

  it("makes relative working directories of images absolute", () => {
    expect(spec({}).process.cwd).toBe("/srv");
  });

  it("takes this machine's name on this machine's network, unless one is given", () => {
    expect(spec({ network: "host" }).hostname).toBe("machine");
    expect(spec({ network: "host", hostname: "mine" }).hostname).toBe("mine");
  });

  it("has no network namespace and this machine's /sys on this machine's network", () => {
    const { mounts, linux } = spec({ network: "host" });

    expect(linux.namespaces).not.toContainEqual({ type: "network" });
    expect(mounts?.filter(({ destination }) => destination.startsWith("/sys"))).toEqual([
      {
        destination: "/sys",
        type: "bind",
        source: "/sys",
        options: ["rbind", "nosuid", "noexec", "nodev", "rro", "rprivate"],
      },
    ]);
  });

  it("names no group for terminals that is not mapped", () => {
    const one = [{ inside: 0, outside: 1500, size: 1 }];
    const mapping = { mode: "single", uids: one, gids: one, setgroups: false } as const;

    const pts = spec({}, { mapping }).mounts?.find((one) => one.destination === "/dev/pts");

    expect(pts?.options).not.toContain("gid=5");
  });

  it("mounts what the user asks, parents before what is in them", () => {
    const { mounts = [] } = spec({
      mounts: [
        { type: "bind", source: "/srv/b", target: "/a/b/c/d", readOnly: true },
        { type: "tmpfs", target: "/a", sizeBytes: 4096, mode: 0o755, options: ["exec"] },
        { type: "bind", source: "/srv/hosts", target: "/etc/hosts" },
      ],
    });

    expect(mounts.slice(-5).map(({ destination }) => destination)).toEqual([
      "/a",
      "/etc/hosts",
      "/etc/hostname",
      "/etc/resolv.conf",
      "/a/b/c/d",
    ]);
    expect(mounts.find(({ destination }) => destination === "/a")).toEqual({
      destination: "/a",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "nodev", "rprivate", "size=4096", "mode=0755", "exec"],
    });
    expect(mounts.at(-1)?.options).toEqual(["rbind", "rro", "rprivate"]);
  });

  it("leaves /dev to a user who mounts it", () => {
    const { mounts = [] } = spec({ mounts: [{ type: "bind", source: "/d", target: "/dev/" }] });

    const targets = mounts.map(({ destination }) => destination);

    expect(targets.filter((path) => path.startsWith("/dev"))).toEqual(["/dev"]);
  });

  it("lets lxcfs tell of memory in /proc", () => {
    const target = "/proc/meminfo";
    const { mounts = [] } = spec({
      mounts: [{ type: "bind", source: "/var/lib/lxcfs/proc/meminfo", target }],
    });

    expect(mounts.map(({ destination }) => destination)).toContain(target);
  });

  it.each([
    ["two mounts of one target", ["/a", "/a/../a/"], "more than one mount for /a"],
    ["a mount over the root", ["/.."], "cannot mount over the root directory"],
    ["a mount over /proc", ["/a/../proc/"], "cannot mount at /proc: /proc is the container's own"],
    ["a mount over a limit", ["/proc/sys/user"], "cannot mount at /proc/sys/user"],
  ])("refuses %s", (_, targets, message) => {
    const mounts = targets.map((target) => ({ type: "tmpfs" as const, target }));

    expect(() => spec({ mounts })).toThrow(message);
  });
});
