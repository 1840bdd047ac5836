/** What package managers, editors and administrators do to a Debian, in our container and Podman's. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { debianToolsArchive } from "../../fixtures/debian.mjs";
import { layerFacts } from "../helpers/changes/layer.ts";
import { changedByUs } from "../helpers/changes/ours.ts";
import { diffBelow, withParents } from "../helpers/changes/diff-lines.ts";
import { type Changed, changedByPodman } from "../helpers/changes/peers.ts";
import { requirePodman } from "../helpers/compared.ts";
import { testEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type Podman, openPodman } from "../helpers/podman.ts";
import { hostCannot, requireProgram } from "../helpers/user-namespaces.ts";

const IMAGE = "localhost/debian:tools";
const MAKING_MS = 300_000;

/** Each on its own is something that images are made of. */
const SCRIPT = [
  "exec 2>&1",
  "set -e",
  "dpkg --purge --force-depends openssh-client iputils-ping",
  "useradd --create-home --shell /bin/bash --uid 1234 cook",
  "usermod -aG tty,mail cook && passwd -l cook",
  "echo 'cook ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/cook && chmod 440 /etc/sudoers.d/cook",
  "su cook -c 'mkdir -p ~/meals && echo hello > ~/meals/menu && ln -s meals ~/m && umask 077 && echo s > ~/secret'",
  "setcap cap_net_bind_service=+ep /usr/bin/python3.11",
  "cp -a /usr/share/doc /opt/doc && rm -rf /usr/share/doc",
  "ln -f /bin/true /usr/local/bin/also-true && ln -s /bin/false /usr/local/bin/also-false",
  "sed -i 's/^root:.*/root:x:0:0:chef:\\/root:\\/bin\\/bash/' /etc/passwd",
  "chown -R cook:mail /var/mail && chmod 2775 /var/mail",
  "python3 -c \"import py_compile; py_compile.compile('/usr/lib/python3.11/os.py')\"",
  "python3 -c \"import os; os.setxattr('/etc/sudoers.d/cook', 'user.note', b'x')\"",
  "tar -cf /root/etc.tar -C / usr/bin/env && tar -xf /root/etc.tar -C /srv && rm /root/etc.tar",
  "rm -rf /var/lib/apt/lists /var/cache/apt && update-alternatives --install /usr/bin/pager2 pager2 /bin/cat 1",
].join("\n");

/**
 * Podman's containers get these from Podman itself, and its layers have the mount points. Logs and
 * compiled Python have the time of the moment in them.
 */
const OTHERS = /^\/(dev|proc|sys|run|etc\/(hosts|hostname|resolv\.conf|mtab))(\/|$)/;
const OF_THE_MOMENT = /\.(pyc|log|cache)$|^\/var\/(log|lib\/dpkg)\/|^\/etc\/shadow-?$/;

/** Opened for writing, and copied up by that. */
const ONLY_COPIED = "/etc/.pwd.lock";

/** As docs/compared-with-podman.md says: */
const TOLD_APART: ReadonlySet<string> = new Set([
  // Podman tells of what was copied up and is the same, and of directories' times,
  `C ${ONLY_COPIED}`,
  "C /root",
  "C /usr/bin/true",
  "C /var/lib/dpkg/updates",
  // but not of directories' owners.
  "C /var/mail",
]);

const able = requirePodman() && requireProgram("mmdebstrap");
const since = Math.floor(Date.now() / 1000);

describe("a Debian that was changed, beside rootless Podman's", () => {
  expectNothingLeft();

  let podman: Podman | undefined;
  let ours: Changed;
  let theirs: Changed;
  let fault: string | undefined;

  afterAll(() => podman?.close());

  beforeAll(async () => {
    if (!able) return;
    podman = await openPodman("overlay");
    podman.podman("load", "--quiet", "--input", debianToolsArchive());
    fault = podman.runFault(IMAGE);
    if (fault !== undefined) return;
    theirs = await changedByPodman(podman, { image: IMAGE, script: SCRIPT });
    const engine = await testEngine();
    await engine.images.load(debianToolsArchive());
    ours = await changedByUs(engine, { image: "debian:tools", script: SCRIPT });
  }, MAKING_MS);

  it("has the same changes", ({ skip }) => {
    if (fault !== undefined) skip(hostCannot("start containers with podman", fault));
    const of = ({ diff }: Changed) =>
      withParents(diffBelow(diff, "")).filter(
        (line) => !OTHERS.test(line.slice(2)) && !TOLD_APART.has(line),
      );

    const told = of(ours);

    expect(told).toContain("A /home/cook/secret");
    expect(told).toEqual(of(theirs));
  });

  it("packs the same layer", ({ skip }) => {
    if (fault !== undefined) skip(hostCannot("start containers with podman", fault));
    const of = ({ layer }: Changed) =>
      [...layerFacts(layer, "", since)]
        .filter(([path]) => !OTHERS.test(path) && path !== ONLY_COPIED)
        .map(([path, text]) => `${path} ${OF_THE_MOMENT.test(path) ? "" : withoutNoise(text)}`)
        .sort();

    expect(of(ours)).toEqual(of(theirs));
  });
});

/** Podman packs what its overlay notes for itself. */
function withoutNoise(text: string): string {
  return text.replace(/ user\.overlay\.\w+=\w*/g, "");
}
