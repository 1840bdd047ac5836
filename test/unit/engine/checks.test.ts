import { describe, expect, it } from "vitest";
import {
  checkCreateOptions,
  checkEngineOptions,
  checkImportOptions,
  checkLoadOptions,
  checkRemoveOptions,
  checkRun,
  checkSaveOptions,
  checkSignal,
  checkStartOptions,
  checkText,
  checkWords,
} from "../../../lib/engine/checks.ts";

describe("options of a container", () => {
  it("accepts everything there is", () => {
    const options = {
      image: "busybox",
      command: ["sh", "-c", "true"],
      name: "box_1",
      env: { A: "1", EMPTY: "", LEFT_OUT: undefined },
      user: "1000:games",
      workdir: "/srv",
      entrypoint: ["/bin/sh"],
      hostname: "box.example",
      labels: { "org.example.a": "1" },
      mounts: [
        { type: "bind", source: ".", target: "/src", readOnly: true },
        { type: "tmpfs", target: "/tmp", sizeBytes: 4096, mode: 0o1777 },
      ],
      readOnly: true,
      remove: true,
      network: "host",
      privileged: true,
      capAdd: ["net_admin", "ALL"],
      capDrop: ["CAP_KILL"],
      seccomp: { defaultAction: "SCMP_ACT_ALLOW" },
      noNewPrivileges: true,
      systemPaths: { mask: ["/proc/uptime"], unmask: ["/proc/*", "all"] },
      procOptions: ["hidepid=2", "gid=5"],
      tty: true,
    } as const;

    expect(() => checkCreateOptions(options)).not.toThrow();
  });

  it.each(["memory", "cpus", "pidsLimit"])("refuses the limit %s by its name", (name) => {
    const options = { image: "busybox", [name]: 1 };
    const refused = expect.objectContaining({ code: "UNSUPPORTED", details: { option: name } });

    expect(() => checkCreateOptions(options)).toThrow(refused);
    expect(() => checkRun({ image: "busybox", options: { [name]: 1 } })).toThrow(refused);
    expect(() => checkCreateOptions({ image: "busybox", [name]: undefined })).toThrow(name);
  });

  it.each([
    [
      "an image that is missing",
      { image: undefined },
      'expected "image" to be the name or id of an image',
    ],
    ["a word as command", { command: "ls" }, 'expected "command" to be an array'],
    ["a zero byte", { command: ["a\0b"] }, 'expected "command"'],
    ["a name of one letter", { name: "a" }, 'got "a"'],
    ["a name with a slash", { name: "a/b" }, 'got "a/b"'],
    ["a name that is a path", { name: ".." }, 'got ".."'],
    ["a name with a newline", { name: "ab\n" }, 'got "ab\\n"'],
    ["a name of 300 letters", { name: "a".repeat(300) }, "128 characters or less"],
    ["a variable with an equals sign", { env: { "A=B": "" } }, 'got "A=B"'],
    ["a variable that is a number", { env: { A: 1 } }, 'expected "env.A" to be a string, got 1'],
    ["a relative workdir", { workdir: "srv" }, 'expected "workdir" to be an absolute path'],
    ["an empty user", { user: "" }, 'expected "user"'],
    ["a hostname with a blank", { hostname: "a b" }, 'got "a b"'],
    ["a mount of no known type", { mounts: [{ type: "nfs" }] }, 'got "nfs"'],
    ["a mount without source", { mounts: [{ type: "bind", target: "/a" }] }, "mounts[0].source"],
    ["a relative target", { mounts: [{ type: "tmpfs", target: "a" }] }, "mounts[0].target"],
    ["a misspelled mount", { mounts: [{ type: "tmpfs", target: "/a", ro: true }] }, "mounts[0].ro"],
    [
      "an unknown capability",
      { capAdd: ["KILL", "FLY"] },
      '"capAdd[1]": no such capability: "FLY"',
    ],
    [
      "a number for a profile",
      { seccomp: 1 },
      'expected "seccomp" to be "default", "unconfined", a',
    ],
    [
      "a profile without action",
      { seccomp: {} },
      '"seccomp": defaultAction: expected it to be there',
    ],
    ["unknown system paths", { systemPaths: "all" }, 'expected "systemPaths" to be "default"'],
    [
      "a misspelled system path",
      { systemPaths: { maks: [] } },
      'unknown option "systemPaths.maks"',
    ],
    [
      "a relative mask",
      { systemPaths: { mask: ["a"] } },
      'expected "systemPaths.mask[0]" to be an abs',
    ],
    ["a mask of everything", { systemPaths: { mask: ["/"] } }, '"systemPaths.mask[0]"'],
    ["a mask with dots", { systemPaths: { mask: ["/a/../b"] } }, '"systemPaths.mask[0]"'],
    ["an unknown option of /proc", { procOptions: ["hidepid=9"] }, 'expected "procOptions[0]"'],
    ["a misspelled option", { rmeove: true }, 'unknown option "rmeove"'],
    ["an option of another time", { detach: true }, 'unknown option "detach"'],
    ["a name server by name", { dns: ["dns.example"] }, 'expected "dns" to be IP addresses'],
    ["an extra host nowhere", { extraHosts: ["db"] }, "bad format for an extra host"],
    [
      "a name server of its own in another's network",
      { network: "container:web", dns: ["192.0.2.1"] },
      'conflicting options: "dns" and "network": "container:web"',
    ],
    ["a flag that is a word", { remove: "yes" }, 'expected "remove" to be true or false'],
  ])("refuses %s", (_what, options, words) => {
    const given: unknown = { image: "busybox", ...options };

    expect(() => Reflect.apply(checkCreateOptions, undefined, [given])).toThrow(words);
  });

  it.each([
    [
      "the control groups unmasked",
      { systemPaths: { unmask: ["/sys/fs/cgroup"] } },
      "cannot be made",
    ],
    ["a part of /proc", { procOptions: ["subset=pid"] }, "subset=pid is not supported"],
  ])("refuses %s by name", (_what, options, message) => {
    const given: unknown = { image: "busybox", ...options };

    expect(() => Reflect.apply(checkCreateOptions, undefined, [given])).toThrow(
      expect.objectContaining({
        code: "UNSUPPORTED",
        message: expect.stringContaining(message) as string,
      }),
    );
  });

  it.each(["mine", "container:", "Private"])("refuses network %s by name", (network) => {
    const options: unknown = { image: "busybox", network };

    expect(() => Reflect.apply(checkCreateOptions, undefined, [options])).toThrow(
      expect.objectContaining({
        code: "UNSUPPORTED",
        message: `network "${network}" is not supported`,
      }),
    );
  });
});

describe("options of a run", () => {
  it.each([
    ["a time-out in words", { timeoutMs: "soon" }, 'got "soon"'],
    ["a time-out of nothing", { timeoutMs: 0 }, "a whole number of milliseconds"],
    ["a time-out beyond timers", { timeoutMs: 2 ** 31 }, "2147483647"],
    ["half a byte", { maxOutputBytes: 0.5 }, "a whole number of bytes"],
    ["an encoding of no use", { encoding: "utf16le" }, 'got "utf16le"'],
    ["a pipe nobody holds", { stdout: "pipe" }, 'expected "stdout"'],
    ["input twice", { input: "a", stdin: "inherit" }, "exclude each other"],
    ["a signal by name", { signal: "SIGTERM" }, "an AbortSignal"],
  ])("refuse %s", (_what, options, words) => {
    expect(() => Reflect.apply(checkRun, undefined, [{ image: "busybox", options }])).toThrow(
      words,
    );
  });

  it("may be null only where null means something", () => {
    expect(() => checkRun({ image: "busybox", options: { entrypoint: null } })).not.toThrow();
    expect(() => Reflect.apply(checkRun, undefined, [{ image: "busybox", options: null }])).toThrow(
      "an object",
    );
    expect(() => Reflect.apply(checkStartOptions, undefined, [{ stdin: null }])).toThrow("stdin");
    expect(() => Reflect.apply(checkEngineOptions, undefined, [{ root: "" }])).toThrow("root");
    const registries = Reflect.apply.bind(undefined, checkEngineOptions, undefined, [
      { registries: 5 },
    ]);
    expect(registries).toThrow("registries");
  });
});

describe("what comes with images", () => {
  it.each([
    ["an unknown option of load", () => checkLoadOptions({ nmae: "x" } as object), "nmae"],
    ["a platform that is none", () => checkLoadOptions({ platform: 5 } as object), "platform"],
    ["a word as changes", () => checkImportOptions({ changes: "CMD x" } as object), "changes"],
    ["a message that is no text", () => checkImportOptions({ message: 5 } as object), "message"],
    ["a format that is none", () => checkSaveOptions({ format: "zip" } as object), "format"],
    [
      "an uncompressed that is no flag",
      () => checkSaveOptions({ uncompressed: 1 } as object),
      "uncompressed",
    ],
    ["images that are no list", () => checkWords({} as string[], "images"), "images"],
    ["a force that is no flag", () => checkRemoveOptions({ force: "yes" } as object), "force"],
    ["a signal that is none", () => checkSignal({ aborted: true } as AbortSignal), "signal"],
    ["a name with a zero byte", () => checkText("a\0b", "nameOrId"), "nameOrId"],
    ["options that are null", () => checkLoadOptions(null as unknown as object), "options"],
  ])("refuses %s", (_what, check, name) => {
    expect(check).toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining(`"${name}"`) as string,
      }) as Error,
    );
  });
});
