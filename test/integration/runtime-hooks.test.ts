/** The hooks of a bundle: when they run, what they are told, and what their failure means. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runtime } from "../../lib/api/runtime.ts";
import type { Hooks } from "../../lib/oci/runtime-spec.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { BundleFolder } from "../helpers/oci-bundle.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able = requireUserNamespaces();

const NAMES = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
] as const;

describe("a hook of a bundle", () => {
  expectNothingLeft();

  let folder: BundleFolder;
  const warnings: string[] = [];

  beforeAll(async () => {
    if (able) folder = await BundleFolder.open();
  });

  beforeEach(() => {
    warnings.length = 0;
    if (able) writeFileSync(join(folder.folder, "seen", "log"), "");
  });

  const root = () => ({
    root: folder.states,
    onWarning: (text: string) => void warnings.push(text),
  });
  const options = () => ({ ...root(), cgroupManager: "disabled" }) as const;
  const all = (): Hooks =>
    Object.fromEntries(
      NAMES.map((name) => {
        return [name, [folder.tells(name, name === "startContainer" ? "container" : "host")]];
      }),
    );
  const log = () => folder.seen("log").trim().split("\n");
  const names = () => log().map((line) => line.split(" ")[0]);
  const told = () => log().map((line) => JSON.parse(line.slice(line.indexOf(" "))) as object);

  it("runs in its turn, and is told the state on its standard input", async () => {
    const bundle = folder.make(["true"], { hooks: all(), annotations: { a: "b" } });
    const io = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;

    const { pid } = await runtime.create("order", bundle, { ...options(), ...io });
    expect(names()).toEqual(["prestart", "createRuntime", "createContainer"]);
    await runtime.start("order", root());
    expect(names()).toEqual([
      "prestart",
      "createRuntime",
      "createContainer",
      "startContainer",
      "poststart",
    ]);
    await eventually("it is stopped", async () =>
      (await runtime.state("order", { root: folder.states })).status === "stopped"
        ? true
        : undefined,
    );
    await runtime.delete("order", root());

    expect(names()).toEqual(NAMES);
    const state = { ociVersion: "1.2.0", id: "order", bundle, annotations: { a: "b" } };
    expect(told()).toEqual([
      { ...state, status: "created", pid },
      { ...state, status: "creating", pid },
      { ...state, status: "creating", pid: 1 },
      { ...state, status: "created", pid: 1 },
      { ...state, status: "running", pid },
      { ...state, status: "stopped", pid: 0 },
    ]);
  });

  it.for(["prestart", "createRuntime", "createContainer", "startContainer"] as const)(
    "that fails ends the container, whose poststop hooks run: %s",
    async (name) => {
      const failing = folder.does("echo burnt >&2; exit 7");
      const bundle = folder.make(["touch", "/mnt/ran"], { hooks: { ...all(), [name]: [failing] } });

      const running = runtime.run(name, bundle, options());

      await expect(running).rejects.toMatchObject({ code: "START_FAILED" });
      await expect(running).rejects.toThrow(/\/bin\/sh .*7.*burnt/);
      expect(names()).toEqual([...NAMES.slice(0, NAMES.indexOf(name)), "poststop"]);
      expect(folder.seen("ran")).toBe("");
      expect(existsSync(join(folder.states, name))).toBe(false);
    },
  );

  it.for(["poststart", "poststop"] as const)(
    "that fails late is a warning, and the next one runs: %s",
    async (name) => {
      const failing = folder.does("echo burnt >&2; kill -9 $$");
      const hooks = { ...all(), [name]: [failing, folder.tells(name)] };

      const { exitCode } = await runtime.run("late", folder.make(["true"], { hooks }), options());

      expect(exitCode).toBe(0);
      expect(names()).toEqual(NAMES);
      expect(warnings.filter((text) => text.startsWith("hooks"))).toEqual([
        `hooks.${name}[0]: /bin/sh was ended by SIGKILL: burnt`,
      ]);
    },
  );

  it("is killed with all it has started when its time is over", async () => {
    const pid = join(folder.folder, "seen", "pid");
    const slow = { ...folder.does(`sleep 1000 & echo $! > ${pid}; wait`), timeout: 1 };
    const bundle = folder.make(["true"], { hooks: { createRuntime: [slow] } });

    const running = runtime.run("slow", bundle, options());

    await expect(running).rejects.toThrow(/hooks\.createRuntime\[0\].*not done after 1 s/);
    const left = folder.seen("pid").trim();
    await eventually("its child is gone", () => (existsSync(`/proc/${left}`) ? undefined : true));
  });

  it("has the longest time there is", async () => {
    const slow = { ...folder.does("sleep 0.1"), timeout: 2 ** 31 - 1 };
    const hooks = { createRuntime: [slow], createContainer: [slow], poststop: [slow] };

    await runtime.run("patient", folder.make(["true"], { hooks }), options());

    expect(warnings.filter((text) => text.startsWith("hooks"))).toEqual([]);
  });

  it("that cannot be run says so", async () => {
    const hooks = { prestart: [{ path: "/no/such/hook" }] };

    const running = runtime.run("absent", folder.make(["true"], { hooks }), options());

    await expect(running).rejects.toMatchObject({
      code: "START_FAILED",
      errno: "ENOENT",
      details: { field: "hooks.prestart[0]" },
    });
  });

  it("runs also when the bundle is gone by then, and with more than fits it is refused", async () => {
    const bundle = folder.make(["true"], { hooks: { poststop: [folder.tells("poststop")] } });
    const long = { path: "/bin/true", args: ["true", "x".repeat(1 << 20)] };
    const hooks = { createRuntime: [long], poststop: [folder.tells("poststop")] };
    const io = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;

    await runtime.create("orphan", bundle, { ...options(), ...io });
    rmSync(bundle, { recursive: true });
    await runtime.delete("orphan", { ...root(), force: true });
    expect(names()).toEqual(["poststop"]);

    const running = runtime.run("long", folder.make(["true"], { hooks }), options());
    await expect(running).rejects.toMatchObject({ code: "START_FAILED", errno: "E2BIG" });
  });

  it("has the arguments, the variables and the directory that it is to have", async () => {
    const say = `echo "$0 $* $(pwd) $(env | sort | tr '\\n' ' ')" > ${join(folder.folder, "seen", "log")}`;
    const hook = {
      path: "/bin/sh",
      args: ["salt", "-c", say, "zero", "one"],
      env: ["A=b=c", "PATH=/usr/bin:/bin"],
    };
    const bundle = folder.make(["true"], { hooks: { createRuntime: [hook] } });

    await runtime.run("words", bundle, options());

    expect(folder.seen("log")).toMatch(new RegExp(`^zero one ${bundle} A=b=c PATH=/usr/bin:/bin`));
  });

  it("need not read what it is told", async () => {
    const annotations = { much: "x".repeat(1 << 20) };
    const hooks = { createRuntime: [folder.does("exec 0<&-; exit 0")] };

    const { exitCode } = await runtime.run(
      "deaf",
      folder.make(["true"], { hooks, annotations }),
      options(),
    );

    expect(exitCode).toBe(0);
  });

  it("that goes on for ever ends with the call, or with what it was called for", async () => {
    const hooks = {
      createRuntime: [
        folder.does(`echo $$ > ${join(folder.folder, "seen", "pid")}; exec sleep 1000`),
      ],
    };
    const bundle = folder.make(["true"], { hooks });
    const abort = new AbortController();
    const pidOf = () => eventually("it runs", () => folder.seen("pid").trim() || undefined);

    writeFileSync(join(folder.folder, "seen", "pid"), "");
    const aborted = runtime.run("abort", bundle, { ...options(), signal: abort.signal });
    const first = await pidOf();
    abort.abort();
    await expect(aborted).rejects.toMatchObject({ name: "AbortError" });

    writeFileSync(join(folder.folder, "seen", "pid"), "");
    const forced = runtime.run("force", bundle, options());
    forced.catch(() => undefined);
    const second = await pidOf();
    expect((await runtime.state("force", { root: folder.states })).status).toBe("creating");
    await runtime.delete("force", { ...root(), force: true });
    await expect(forced).rejects.toMatchObject({ code: "START_FAILED" });

    for (const pid of [first, second]) {
      await eventually("it is gone", () => (existsSync(`/proc/${pid}`) ? undefined : true));
    }
    expect(await runtime.list(root())).toEqual([]);
  });
});
