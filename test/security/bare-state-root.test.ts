/**
 * State directories of somebody else, or that others may write to: whoever writes there says which
 * process is whose container, and so what is killed, entered and removed.
 *
 * Red without any one checkStateRoot() of lib/bundles: orders that take a container's lock first had none.
 */
import { chmodSync, chownSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { runtime } from "../../lib/api/runtime.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { BundleFolder } from "../helpers/oci-bundle.ts";

const STRANGER = 12_345;

/** All that one can do to a container. */
const ORDERS = {
  create: (root: string, bundle: string) => runtime.create("box", bundle, { root }),
  run: (root: string, bundle: string) => runtime.run("box", bundle, { root }),
  start: (root: string) => runtime.start("box", { root }),
  exec: (root: string) => runtime.exec("box", ["true"], { root }),
  kill: (root: string) => runtime.kill("box", "SIGKILL", { root }),
  delete: (root: string) => runtime.delete("box", { root, force: true }),
  state: (root: string) => runtime.state("box", { root }),
  list: (root: string) => runtime.list({ root }),
  ps: (root: string) => runtime.ps("box", { root }),
  pause: (root: string) => runtime.pause("box", { root }),
  resume: (root: string) => runtime.resume("box", { root }),
} as const;

const names = Object.keys(ORDERS) as (keyof typeof ORDERS)[];

describe("a state directory", () => {
  let folder: string;
  let bundle: string;

  beforeEach(async () => {
    folder = await temporaryFolder();
    bundle = (await BundleFolder.open()).make(["true"]);
  });

  it.for([0o777, 0o1777, 0o772])("with mode %o is refused by every order", async (mode) => {
    const root = join(folder, "root");
    mkdirSync(join(root, "box"), { recursive: true });
    chmodSync(root, mode);

    for (const name of names) {
      await expect(ORDERS[name](root, bundle), name).rejects.toMatchObject({
        code: "UNAVAILABLE",
        message: `the state directory ${root} may be written to by others`,
      });
    }

    expect(readdirSync(root)).toEqual(["box"]);
  });

  it("of another user is refused by every order, also through a link", async (context) => {
    if (process.geteuid?.() !== 0) context.skip("only root can give directories away");
    const [theirs, link] = [join(folder, "theirs"), join(folder, "link")];
    mkdirSync(theirs, { mode: 0o755 });
    chownSync(theirs, STRANGER, STRANGER);
    symlinkSync(theirs, link);

    for (const root of [theirs, link]) {
      for (const name of names) {
        await expect(ORDERS[name](root, bundle), name).rejects.toMatchObject({
          code: "UNAVAILABLE",
          message: `the state directory ${root} belongs to user ${STRANGER}, not to us`,
        });
      }
    }

    expect(readdirSync(theirs)).toEqual([]);
  });
});
