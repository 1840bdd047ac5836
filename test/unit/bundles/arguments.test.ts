/** What callers hand to `runtime` and its bundles by mistake is refused by name. */
import { describe, expect, it } from "vitest";
import { createBundle, openBundle } from "../../../lib/api/bundles.ts";
import { runtime } from "../../../lib/api/runtime.ts";

/** A caller without types. */
type Untyped = (...values: readonly unknown[]) => Promise<unknown>;

const call = (what: unknown, ...values: readonly unknown[]) => (what as Untyped)(...values);

const FULL = { args: ["ls"], cwd: "/", user: { uid: 0, gid: 0 } };

describe("arguments of runtime", () => {
  it.for([
    ["process", [undefined]],
    ["process", [null]],
    ["process", ["ls"]],
    ["process", [5]],
    ["args", [[]]],
    ["process", [{ args: ["ls"] }]],
    ["process", [{ ...FULL, user: "root" }]],
    ["process", [{ ...FULL, args: [] }]],
    ["process", [{ ...FULL, cwd: "tmp" }]],
    ["options", [["ls"], null]],
  ] as const)("exec: %s of %j", async ([option, values]) => {
    await expect(call(runtime.exec, "box", ...values)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      details: { option },
    });
  });

  it("exec: names the property of a process as config.json has it", async () => {
    const refused = call(runtime.exec, "box", { ...FULL, cwd: 5 });

    await expect(refused).rejects.toMatchObject({
      message: "process.cwd: expected it to be a text, got 5",
      details: { field: "process.cwd" },
    });
  });

  it.for([undefined, null, {}, 5, "", { directory: 5 }])("a bundle: %j", async (bundle) => {
    const refused = { code: "INVALID_ARGUMENT", details: { option: "bundle" } };

    await expect(call(runtime.run, "box", bundle)).rejects.toMatchObject(refused);
    await expect(call(runtime.create, "box", bundle)).rejects.toMatchObject(refused);
  });

  it.for(["state", "ps", "pause", "resume", "start", "delete"] as const)(
    "options of %s",
    async (name) => {
      for (const options of [null, "x", [], { rot: "x" }, { root: "" }]) {
        await expect(call(runtime[name], "box", options)).rejects.toMatchObject({
          code: "INVALID_ARGUMENT",
        });
      }
    },
  );

  it.for(["list", "features"] as const)("options of %s", async (name) => {
    for (const options of [null, "x", [], { rot: "x" }]) {
      await expect(call(runtime[name], options)).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
      });
    }
  });
});

describe("a signal that is aborted already", () => {
  const root = "/nowhere/at-all"; // nobody looks there any more

  it.for(["create", "run", "start", "exec", "pause", "resume"] as const)("%s", async (name) => {
    const options = { root, signal: AbortSignal.abort(new Error("enough")) };
    const values = { create: ["/nowhere"], run: ["/nowhere"], exec: [["ls"]] };
    const given = name in values ? values[name as keyof typeof values] : [];

    await expect(call(runtime[name], "box", ...given, options)).rejects.toMatchObject({
      name: "AbortError",
    });
  });

  it.for(["state", "ps", "delete"] as const)("%s takes none", async (name) => {
    const { signal } = new AbortController();

    await expect(call(runtime[name], "box", { root, signal })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      details: { option: "signal" },
    });
  });
});

describe("arguments of bundles", () => {
  it.for([undefined, null, {}, 5, ""])("openBundle: %j", async (directory) => {
    await expect(call(openBundle, directory)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      details: { option: "directory" },
    });
  });

  it.for([
    ["image", [5, { directory: "x" }]],
    ["image", [undefined, { directory: "x" }]],
    ["options", ["busybox"]],
    ["options", ["busybox", null]],
    ["options", ["busybox", 5]],
    ["engine", ["busybox", { directory: "x", engine: 5 }]],
    ["engine", ["busybox", { directory: "x", engine: {} }]],
  ] as const)("createBundle: %s of %j", async ([option, values]) => {
    await expect(call(createBundle, ...values)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      details: { option },
    });
  });
});
