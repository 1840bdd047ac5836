/** A data root that other users of the machine may write to, or that is theirs. */
import { chmod, chown, mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openEngine } from "../../lib/engine/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";

const STRANGER = 12_345;

describe("a data root", () => {
  it.each([0o777, 0o770, 0o775])("with mode %o is refused, and left empty", async (mode) => {
    const root = await temporaryFolder();
    await chmod(root, mode);

    await expect(openEngine({ root })).rejects.toMatchObject({
      code: "CONFLICT",
      message: `${root} can be written by other users`,
      hint: expect.stringContaining(`chmod go-w ${root}`) as unknown,
    });

    expect(await readdir(root)).toEqual([]);
  });

  it("that others may only read is fine: what lies in it is closed to them", async () => {
    const root = await temporaryFolder();
    await chmod(root, 0o755);

    await using engine = await openEngine({ root });

    expect(engine.root).toBe(root);
  });

  it("like /tmp is fine as long as the directories in it are one's own", async () => {
    const root = await temporaryFolder();
    await chmod(root, 0o1777);

    await (await openEngine({ root })).close();
    await chmod(join(root, "layers"), 0o777);

    await expect(openEngine({ root })).rejects.toMatchObject({
      code: "CONFLICT",
      message: `${join(root, "layers")} can be written by other users`,
    });
  });

  it("in which somebody has put a link for one of its directories is refused", async () => {
    const root = await temporaryFolder();
    await symlink(await temporaryFolder(), join(root, "containers"));

    await expect(openEngine({ root })).rejects.toMatchObject({
      code: "CONFLICT",
      message: `${join(root, "containers")} is no directory of this user`,
    });
  });

  it("of another user is refused, also through a link of one's own", async (context) => {
    if (process.geteuid?.() !== 0) context.skip("only root can give directories away");
    const folder = await temporaryFolder();
    const [theirs, root] = [join(folder, "theirs"), join(folder, "link")];
    await mkdir(theirs);
    await chown(theirs, STRANGER, STRANGER);
    await symlink(theirs, root);

    await expect(openEngine({ root })).rejects.toMatchObject({
      code: "CONFLICT",
      message: `${theirs} is no directory of this user`,
    });
  });
});
