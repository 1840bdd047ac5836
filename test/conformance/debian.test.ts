import { beforeAll, describe, expect, it } from "vitest";
import { debianArchive } from "../../fixtures/debian.mjs";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { RunOptions } from "../../lib/engine/options.ts";
import { testEngine } from "../helpers/engine.ts";
import { subordinateIdsFault } from "../helpers/ids.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { hostCan, requireProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const MAKING_MS = 300_000;

const able =
  requireUserNamespaces() &&
  requireProgram("mmdebstrap") &&
  hostCan("make a Debian", process.getuid?.() === 0 ? undefined : subordinateIdsFault());

/** What a package of its own takes: built inside, so that no network is needed. */
const BUILD_PACKAGE = `
  mkdir -p /tmp/lunch/DEBIAN /tmp/lunch/usr/bin /tmp/lunch/var/lib/lunch
  printf 'Package: lunch\\nVersion: 1\\nArchitecture: all\\nMaintainer: cook <cook@example.org>\\nDescription: food\\n' \
    > /tmp/lunch/DEBIAN/control
  printf '#!/bin/sh\\nuseradd --system lunch\\nchown lunch:lunch /var/lib/lunch\\n' \
    > /tmp/lunch/DEBIAN/postinst
  printf '#!/bin/sh\\necho feijoada\\n' > /tmp/lunch/usr/bin/lunch
  chmod 755 /tmp/lunch/DEBIAN/postinst /tmp/lunch/usr/bin/lunch
  dpkg-deb --build /tmp/lunch /tmp/lunch.deb >/dev/null
`;

describe("a Debian image", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    if (!able) return;
    engine = await testEngine();
    await engine.images.load(debianArchive());
  }, MAKING_MS);

  it("runs its shell and knows its release", async () => {
    const printed = await bash(". /etc/os-release; echo $ID $VERSION_CODENAME $BASH_VERSINFO");

    expect(printed).toMatch(/^debian bookworm \d+\n$/);
  });

  it("keeps the owners, setuid bits and capabilities of its files", async () => {
    const printed = await bash(
      "stat -c '%U:%G %a' /usr/bin/passwd /etc/shadow /usr/bin/chage /tmp",
    );

    expect(printed.split("\n")).toEqual([
      "root:root 4755",
      "root:shadow 640",
      "root:shadow 2755",
      "root:root 1777",
      "",
    ]);
  });

  it("changes users, with their groups", async () => {
    const printed = await bash(
      "su -s /bin/sh nobody -c id; setpriv --reuid=33 --regid=33 --init-groups id -un",
    );

    expect(printed).toBe("uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)\nwww-data\n");
  });

  it("installs packages, which make users and give files away", async () => {
    const printed = await bash(`${BUILD_PACKAGE}
      apt-get install --yes /tmp/lunch.deb >/tmp/log 2>&1 || cat /tmp/log
      lunch; stat -c %U /var/lib/lunch; dpkg-query --show --showformat '\${Status}\n' lunch`);

    expect(printed).toBe("feijoada\nlunch\ninstall ok installed\n");
  });

  it("is as it was for the next container", async () => {
    const { exitCode } = await run("debian:bookworm", ["lunch"], options()).catch(
      (error: { details: { exitCode: number } }) => error.details,
    );

    expect(exitCode).toBe(127);
  });

  function options(more: RunOptions = {}): RunOptions & { engine: Engine } {
    return { engine, remove: true, ...more };
  }

  async function bash(script: string): Promise<string> {
    const { stdout, stderr } = await run("debian:bookworm", ["bash", "-c", script], options());
    expect(stderr).toBe("");
    return stdout;
  }
});
