/** A container of a bundle is not what it was: another one has its id, or files of it are others. */
import { existsSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { runtime } from "../../lib/api/runtime.ts";
import { holdContainer } from "../../lib/bundles/container-directory.ts";
import { forgetMade } from "../../lib/bundles/delete.ts";
import { readRecord } from "../../lib/bundles/record.ts";
import { startMade } from "../../lib/bundles/start.ts";
import { finished } from "../helpers/command.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { BundleFolder } from "../helpers/oci-bundle.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able = requireUserNamespaces();

describe("a container of a bundle that was replaced", () => {
  expectNothingLeft();

  let folder: BundleFolder;

  beforeAll(async () => {
    if (able) folder = await BundleFolder.open();
  });

  const quiet = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
  const options = () => ({ root: folder.states, cgroupManager: "disabled", ...quiet }) as const;
  const root = () => ({ root: folder.states });
  const inState = (id: string, file: string) => join(folder.states, id, file);

  it("leaves its successor alone: that is neither started nor deleted by who made the first", async () => {
    const bundle = folder.make(["sleep", "1000"]);
    await runtime.create("anew", bundle, options());
    const first = readRecord(inState("anew", "state.json"));
    if (first === undefined) throw new Error("it has no record");
    await runtime.delete("anew", { ...root(), force: true });
    await runtime.create("anew", bundle, options());

    await expect(startMade(first, root())).rejects.toMatchObject({ code: "NOT_FOUND" });
    await forgetMade(first, root());

    expect(await runtime.state("anew", root())).toMatchObject({ status: "created" });
    await runtime.delete("anew", { ...root(), force: true });
    await forgetMade(first, root()); // as one that is no more
  });

  it("runs the hooks poststart that it had when it was let go", async () => {
    const log = join(folder.folder, "seen", "late");
    const hooks = {
      startContainer: [folder.does("echo x > /mnt/waits; until [ -e /mnt/go ]; do :; done")],
      poststart: [folder.does(`echo own > ${log}`)],
    };
    await runtime.create("late", folder.make(["sleep", "1000"], { hooks }), options());
    const starting = runtime.start("late", root());
    await eventually("its hook waits", () => (folder.seen("waits") === "" ? undefined : true));

    const others = { hooks: { poststart: [folder.does(`echo another > ${log}`)] } };
    writeFileSync(inState("late", "config.json"), JSON.stringify(others));
    writeFileSync(join(folder.folder, "seen", "go"), "");
    await starting;

    expect(folder.seen("late")).toBe("own\n");
    await runtime.delete("late", { ...root(), force: true });
    expect(existsSync(inState("late", ""))).toBe(false);
  });

  const deleted = async (id: string) => {
    const warnings: string[] = [];
    const onWarning = (text: string) => void warnings.push(text);
    await runtime.delete(id, { ...root(), force: true, onWarning });
    expect(existsSync(inState(id, ""))).toBe(false);
    return warnings;
  };

  it.for([
    ["half of it", (path: string) => writeFileSync(path, '{"hooks":')],
    ["hooks of another shape", (path: string) => writeFileSync(path, '{"hooks":{"poststop":1}}')],
    ["a directory", (path: string) => mkdirSync(path)],
    ["a fifo", (path: string) => finished(["mkfifo", path])],
    ["a link", (path: string) => symlinkSync("/dev/zero", path)],
    ["more than anybody reads", (path: string) => sparse(path)],
  ] as const)(
    "is deleted by force, and by force alone, with %s as configuration",
    async ([, spoil]) => {
      const { pid } = await runtime.create("spoilt", folder.make(["true"]), options());
      await runtime.kill("spoilt", "SIGKILL", root());
      await eventually("it ends", async () =>
        (await runtime.state("spoilt", root())).status === "stopped" ? true : undefined,
      );
      rmSync(inState("spoilt", "config.json"));
      spoil(inState("spoilt", "config.json"));

      await expect(runtime.delete("spoilt", root())).rejects.toMatchObject({ code: "CORRUPT" });
      const warnings = await deleted("spoilt");

      expect(warnings).toEqual([expect.stringContaining("hooks poststop do not run")]);
      expect(pid).toBeGreaterThan(0);
    },
  );

  it.for(["state.json", "lock"] as const)(
    "is deleted by force with a directory as %s",
    async (file) => {
      await runtime.create("spoilt", folder.make(["true"]), options());
      await runtime.kill("spoilt", "SIGKILL", root());
      rmSync(inState("spoilt", file));
      mkdirSync(inState("spoilt", file));

      expect(await deleted("spoilt")).toHaveLength(1);
    },
  );

  it("is deleted by force without its lock", async () => {
    mkdirSync(inState("spoilt", ""), { recursive: true });

    expect(await deleted("spoilt")).toHaveLength(1);
  });

  it("is not looked for behind a link, and deleted by force without what that leads to", async () => {
    await runtime.create("true", folder.make(["true"]), options());
    symlinkSync("true", join(folder.states, "link"));

    for (const refused of [runtime.state, runtime.start, runtime.delete]) {
      await expect(refused("link", root())).rejects.toMatchObject({ code: "CORRUPT" });
    }
    expect(await deleted("link")).toHaveLength(1);

    expect(await runtime.state("true", root())).toMatchObject({ status: "created" });
    await deleted("true");
  });

  it("is not waited for longer than 10 s by who deletes it by force", async () => {
    await runtime.create("held", folder.make(["true"]), options());
    const held = await holdContainer(folder.states, "held");
    const clock = vi.spyOn(performance, "now");
    let now = 0;
    clock.mockImplementation(() => (now += 4_000));
    try {
      const deleting = runtime.delete("held", { ...root(), force: true });
      await expect(deleting).rejects.toMatchObject({ code: "UNAVAILABLE", step: "lock" });
    } finally {
      clock.mockRestore();
      held[Symbol.dispose]();
    }

    await deleted("held");
  });
});

/** It takes no place on the disk. */
function sparse(path: string): void {
  writeFileSync(path, "");
  truncateSync(path, 2 ** 40);
}
