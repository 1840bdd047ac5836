/** The umask of whoever starts marmita: what it keeps from others, and what it must not. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import { openEngine } from "../../lib/engine/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { busyboxArchive } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("under a umask", () => {
  expectNothingLeft();

  const before = process.umask();

  afterEach(() => {
    process.umask(before);
  });

  it("of 000 the data root is closed to others all the same", async () => {
    process.umask(0o000);
    const root = join(await temporaryFolder(), "root");

    await using engine = await openEngine({ root });

    for (const name of ["", "images", "layers", "containers", "names", "live", "trash", "locks"]) {
      expect((await stat(join(engine.root, name))).mode & 0o777).toBe(0o700);
    }
  });

  it("of 077 a container looks the same inside", async () => {
    const script = "stat -c '%a %n' / /bin /etc /etc/hosts /etc/resolv.conf; umask";
    const seen: string[] = [];

    for (const mask of [0o022, 0o077]) {
      process.umask(mask);
      await using engine = await openEngine({ root: await temporaryFolder() });
      await engine.images.load(busyboxArchive());
      seen.push((await run("busybox", ["sh", "-c", script], { engine, remove: true })).stdout);
    }

    expect(seen[0]).toContain("755 /\n");
    expect(seen[1]).toBe(seen[0]);
  });
});
