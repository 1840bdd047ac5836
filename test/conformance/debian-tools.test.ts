/** What people do in a Debian container that changes users, rights and packages. */
import { beforeAll, describe, expect, it } from "vitest";
import { debianToolsArchive } from "../../fixtures/debian.mjs";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { testEngine } from "../helpers/engine.ts";
import { subordinateIdsFault } from "../helpers/ids.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import {
  hostCan,
  hostCannot,
  requireProgram,
  requireUserNamespaces,
} from "../helpers/user-namespaces.ts";

const MAKING_MS = 300_000;

const able =
  requireUserNamespaces() &&
  requireProgram("mmdebstrap") &&
  hostCan("make a Debian", process.getuid?.() === 0 ? undefined : subordinateIdsFault());

const ADD_COOK = `useradd -m cook && echo 'cook ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/cook`;

const PING = "ping -c 1 -W 5";

/** A package whose trigger is for files of another one. */
const BUILD_TRIGGER = `
  package() {
    mkdir -p /tmp/$1/DEBIAN /tmp/$1/usr/share/menu
    touch /tmp/$1/usr/share/menu/$1
    printf 'Package: %s\\nVersion: 1\\nArchitecture: all\\nMaintainer: c <c@example.org>\\nDescription: d\\n' $1 \
      > /tmp/$1/DEBIAN/control
  }
  package table
  echo 'interest-noawait /usr/share/menu' > /tmp/table/DEBIAN/triggers
  printf '#!/bin/sh\\n[ "$1" != triggered ] || ls /usr/share/menu | grep d > /tmp/menu\\n' > /tmp/table/DEBIAN/postinst
  chmod 755 /tmp/table/DEBIAN/postinst
  package dish
  for name in table dish; do dpkg-deb --build /tmp/$name >/dev/null; done
`;

describe("a Debian container", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    if (!able) return;
    engine = await testEngine();
    await engine.images.load(debianToolsArchive());
  }, MAKING_MS);

  it("makes an ordinary user root by sudo, and another user", async () => {
    const printed = await bash(
      `${ADD_COOK}; su cook -c 'id -u; sudo id -u; sudo -u nobody id -un'`,
    );

    expect(printed).toBe("1000\n0\nnobody\n");
  });

  it("makes an ordinary user root by su, with root's password only", async () => {
    const { stdout } = await run(
      "debian:tools",
      [
        "bash",
        "-c",
        `useradd cook; echo root:secret | chpasswd
         su cook -c "echo secret | su -c 'id -un'; echo wrong | su -c 'id -un'; echo \\$?"`,
      ],
      { engine, remove: true },
    );

    expect(stdout).toBe("root\n1\n");
  });

  it("starts a login shell of a user, with home and files of its own", async () => {
    const printed = await bash(
      "useradd -m cook; su - cook -c 'pwd; touch file; stat -c %U:%G file'; id cook",
    );

    expect(printed).toBe(
      "/home/cook\ncook:cook\nuid=1000(cook) gid=1000(cook) groups=1000(cook)\n",
    );
  });

  it("pings, as root and as an ordinary user", async () => {
    const printed = await bash(
      `useradd cook; ${PING} 127.0.0.1 | grep -c '1 received'; su cook -c "${PING} 127.0.0.1" | grep -c '1 received'`,
    );

    expect(printed).toBe("1\n1\n");
  });

  it.each(["--user", "--mount", "--pid", "--net"])("denies new namespaces: %s", async (kind) => {
    const { exitCode, stderr } = await run("debian:tools", ["unshare", kind, "true"], {
      engine,
      remove: true,
    });

    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: "unshare: unshare failed: Operation not permitted\n",
    });
  });

  it("starts a daemon that gives up all rights", async () => {
    const printed = await bash(
      `setpriv --reuid=www-data --regid=www-data --init-groups --bounding-set=-all --no-new-privs \
        grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs)' /proc/self/status`,
    );

    const none = "0".repeat(16);
    expect(printed.replaceAll(/\s+/g, " ")).toBe(
      `Uid: 33 33 33 33 CapEff: ${none} CapBnd: ${none} NoNewPrivs: 1 `,
    );
  });

  it("makes keys and runs perl and python", async () => {
    const printed = await bash(
      `ssh-keygen -q -t ed25519 -N '' -f /tmp/key && ls /tmp/key*
       perl -e 'print 6 * 7, qq(\\n)'; python3 -c 'print(6 * 7)'`,
    );

    expect(printed).toBe("/tmp/key\n/tmp/key.pub\n42\n42\n");
  });

  it("runs the triggers of packages", async () => {
    const printed = await bash(
      `${BUILD_TRIGGER} dpkg -i /tmp/table.deb >/dev/null; dpkg -i /tmp/dish.deb >/dev/null; cat /tmp/menu`,
    );

    expect(printed).toBe("dash\ndish\n");
  });

  it("installs packages from the network", async ({ skip }) => {
    const { stdout, exitCode } = await run(
      "debian:tools",
      ["bash", "-c", "apt-get update 2>&1 || exit 9; apt-get install --yes figlet 2>&1"],
      { engine, remove: true },
    );
    if (exitCode === 9) skip(hostCannot("reach its package sources", stdout.slice(-300)));

    expect({ exitCode, stdout }).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("Setting up figlet") as string,
    });
  });

  async function bash(script: string): Promise<string> {
    const { stdout, stderr } = await run("debian:tools", ["bash", "-c", script], {
      engine,
      remove: true,
    });
    expect(stderr).toBe("");
    return stdout;
  }
});

describe("a Debian container with one id", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    if (!able) return;
    engine = await testEngine({ ids: "single" });
    await engine.images.load(debianToolsArchive());
  }, MAKING_MS);

  it.each([
    ["su nobody -s /bin/sh -c id", "su: cannot set groups: Operation not permitted"],
    ["sudo id", "setresuid(-1, 1, -1): Invalid argument"],
    ["chown 1:1 /tmp", "changing ownership of '/tmp': Invalid argument"],
    ["setpriv --reuid=33 id", "setresuid failed: Invalid argument"],
    ["apt-get update", "Failed to setgroups"],
  ])("has no other users: %s", async (script, expected) => {
    const { stdout, stderr } = await run("debian:tools", ["bash", "-c", script], {
      engine,
      remove: true,
      network: "none",
    });

    expect(stdout + stderr).toContain(expected);
  });

  it.each([
    [`${PING} 127.0.0.1 | grep -c '1 received'`, "1\n"],
    ["useradd -m cook && stat -c %U /home/cook", "root\n"],
    ["ssh-keygen -q -t ed25519 -N '' -f /tmp/key && echo made", "made\n"],
    ["dpkg-deb --version | head -c 6", "Debian"],
  ])("does what takes one user: %s", async (script, expected) => {
    const { stdout } = await run("debian:tools", ["bash", "-c", script], { engine, remove: true });

    expect(stdout).toBe(expected);
  });
});
