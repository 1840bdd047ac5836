/** A container of a bundle is not what it was: another one has its id, or files of it are others. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { runtime } from "../../lib/api/runtime.ts";
import { forgetMade } from "../../lib/bundles/delete.ts";
import { readRecord } from "../../lib/bundles/record.ts";
import { startMade } from "../../lib/bundles/start.ts";
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
});
