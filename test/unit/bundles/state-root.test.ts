import { chmodSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { checkStateRoot, chooseStateRoot, makeStateRoot } from "../../../lib/bundles/state-root.ts";
import { temporaryFolder } from "../../helpers/folder.ts";

const host = (writable: readonly string[], runtimeDirectory?: string) => ({
  uid: 1000,
  runtimeDirectory,
  isWritable: (directory: string) => writable.includes(directory),
});

describe("the state root", () => {
  it.each([
    { what: "what was asked for", root: "/a/../b", of: host(["/run"], "/run/user/1000"), is: "/b" },
    {
      what: "/run",
      root: undefined,
      of: host(["/run"], "/run/user/1000"),
      is: "/run/marmita-runtime",
    },
    {
      what: "the user's own",
      root: undefined,
      of: host([], "/run/user/1000"),
      is: "/run/user/1000/marmita-runtime",
    },
    { what: "/tmp", root: undefined, of: host([]), is: "/tmp/marmita-runtime-1000" },
    {
      what: "/tmp, not here",
      root: undefined,
      of: host([], "run"),
      is: "/tmp/marmita-runtime-1000",
    },
  ])("is $what", ({ root, of, is }) => {
    expect(chooseStateRoot({ root }, of)).toBe(is);
  });

  let folder: string;

  beforeAll(async () => {
    folder = await temporaryFolder();
  });

  it("is made for its owner alone, with what is above it", () => {
    makeStateRoot(join(folder, "a/b"));
    makeStateRoot(join(folder, "a/b"));

    expect(lstatSync(join(folder, "a/b")).mode & 0o777).toBe(0o700);
  });

  it("is none that others may write to, no file, and no stranger's", () => {
    mkdirSync(join(folder, "open"));
    chmodSync(join(folder, "open"), 0o777);
    writeFileSync(join(folder, "file"), "");
    symlinkSync("nowhere", join(folder, "dangling"));

    expect(() => checkStateRoot(join(folder, "open"))).toThrow(/may be written to by others/);
    expect(() => checkStateRoot(join(folder, "file"))).toThrow(/is not a directory/);
    expect(() => checkStateRoot(join(folder, "dangling"))).toThrow(/is not a directory/);
    expect(() => makeStateRoot(join(folder, "file/below"))).toThrow(/cannot make/);
  });

  it.skipIf(process.geteuid?.() === 0)(
    "is none of somebody else, the machine's root included",
    () => {
      expect(() => checkStateRoot("/")).toThrow(/belongs to user 0/);
    },
  );

  it("may be reached by a link of its owner, and need not be there", () => {
    mkdirSync(join(folder, "real"), { mode: 0o700 });
    symlinkSync("real", join(folder, "link"));

    checkStateRoot(join(folder, "link"));
    checkStateRoot(join(folder, "absent"));

    expect(lstatSync(join(folder, "absent"), { throwIfNoEntry: false })).toBeUndefined();
  });
});
