/** What fails for a file of the caller's says why, in words. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkContainerId } from "../../../lib/bundles/container-id.ts";
import { design } from "../../../lib/bundles/creation.ts";
import { deleteContainer } from "../../../lib/bundles/delete.ts";
import { runHooks } from "../../../lib/bundles/hooks.ts";
import { writePidFile } from "../../../lib/bundles/pid-file.ts";
import { checkStateRoot, makeStateRoot } from "../../../lib/bundles/state-root.ts";
import { getState, listStates } from "../../../lib/bundles/state.ts";
import { startFailed } from "../../../lib/bundles/starter.ts";
import { OCI_VERSION } from "../../../lib/oci/spec-version.ts";
import { temporaryFolder } from "../../helpers/folder.ts";

describe("what fails in a container made of a bundle", () => {
  it("says why a pid file cannot be written", async () => {
    await expect(writePidFile("/no/such/pid", 1)).rejects.toMatchObject({
      message: "cannot write the pid file /no/such/pid: no such file or directory",
    });
  });

  it("says why a state directory cannot be made, and has none removed", () => {
    const file = import.meta.filename;
    expect(() => makeStateRoot(join(file, "state"))).toThrow(/: not a directory$/);
    expect(() => checkStateRoot(file)).toThrow(
      expect.objectContaining({ hint: expect.stringMatching(/^Name another one with `root`/) }),
    );
  });

  it("says why a hook cannot be run", async () => {
    const state = {
      ociVersion: OCI_VERSION,
      id: "box",
      status: "creating",
      bundle: "/",
      annotations: {},
      pid: 1,
    } as const;
    const hooks = { createRuntime: [{ path: "/no/such" }] };
    await expect(runHooks("createRuntime", { hooks, state, cwd: "/" })).rejects.toMatchObject({
      message: "hooks.createRuntime[0]: /no/such cannot be run: no such file or directory",
    });
  });

  it("has only the hook's own words for one that failed in the container", () => {
    const what = "the hook /bin/sh ended with exit code 4: no";
    const event = { event: "failed", step: "hook", errno: 125, what };
    expect(startFailed(event).message).toBe(what);
  });

  it("names the property of a root file system that is not there", async () => {
    const bundle = await temporaryFolder();
    const process = { cwd: "/", args: ["true"], user: { uid: 0, gid: 0 } };
    const spec = { ociVersion: OCI_VERSION, root: { path: "nothing" }, process, linux: {} };
    writeFileSync(join(bundle, "config.json"), JSON.stringify(spec));
    await expect(design("box", bundle, { root: bundle })).rejects.toMatchObject({
      message: `config.json: root.path: ${join(bundle, "nothing")}: no such file or directory`,
      details: { field: "root.path" },
    });
  });

  it("has no container of a directory that somebody else made", async () => {
    const root = await temporaryFolder();
    mkdirSync(join(root, "box"));
    const none = expect.objectContaining({ code: "NOT_FOUND" });
    expect(await listStates({ root })).toEqual([]);
    await expect(getState("box", { root })).rejects.toEqual(none);
    await expect(deleteContainer("box", { root })).rejects.toEqual(none);
  });

  it("shows of a long id only its beginning", () => {
    expect(() => checkContainerId("é".repeat(2_000))).toThrow(/^"é{64}…" cannot be/);
  });
});
