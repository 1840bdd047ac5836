/** A state root without room: a container is made whole, or not at all. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { finished } from "../helpers/command.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { BundleFolder } from "../helpers/oci-bundle.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able = requireUserNamespaces();
const INDEX = new URL("../../dist/index.js", import.meta.url).href;

/** A mount namespace of its own, with a small file system in memory at the last word. */
const WITHIN = ["unshare", "--user", "--map-root-user", "--mount", "--propagation", "private"];
const MOUNT = 'mount -t tmpfs -o mode=700,size=64k tmpfs "$1" && shift && exec "$@"';

const SCRIPT = `
  import { readdirSync, rmSync, writeFileSync } from "node:fs";
  import { runtime } from ${JSON.stringify(INDEX)};
  const [, root, bundle] = process.argv;
  const made = () => readdirSync(root).filter((name) => !/^~seccomp|^filler/.test(name));
  const free = () => rmSync(root + "/filler", { force: true });
  const told = [];
  for (let pages = 0; pages <= 8; pages++) {
    free();
    writeFileSync(root + "/filler", Buffer.alloc((16 - pages) << 12));
    const options = { root, cgroupManager: "disabled", stdin: "ignore", stdout: "ignore", stderr: "ignore" };
    const outcome = await runtime.create("full", bundle, options).then(
      () => "made", ({ code, errno }) => code + " " + errno);
    free();
    if (outcome === "made") await runtime.delete("full", { root, force: true });
    told.push(outcome, ...made());
  }
  console.log(JSON.stringify(told));`;

describe("on a full file system", () => {
  expectNothingLeft();

  let folder: BundleFolder;

  beforeAll(async () => {
    if (able) folder = await BundleFolder.open();
  });

  it("a container is made, or refused with nothing left", async () => {
    const bundle = folder.make(["true"]);
    const place = join(folder.folder, "small");
    mkdirSync(place);

    const node = [process.execPath, "--input-type=module", "--eval", SCRIPT, place, bundle];
    const { stdout, stderr } = finished([...WITHIN, "sh", "-c", MOUNT, "sh", place, ...node]);

    expect(stderr).toBe("");
    const told = JSON.parse(stdout) as readonly string[];
    expect(new Set(told)).toEqual(new Set(["UNAVAILABLE ENOSPC", "made"]));
    expect(told.at(-1)).toBe("made");
  });
});
