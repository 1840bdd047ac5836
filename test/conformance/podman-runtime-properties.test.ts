/** What podman's flags ask of a runtime for a process, its devices and its mounts, over two. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { requirePodman } from "../helpers/compared.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { busyboxArchive } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { openPodman, type Podman } from "../helpers/podman.ts";
import { RUNTIME } from "../helpers/runtime-cli.ts";

const IMAGE = "localhost/busybox";

/** Of mounts without the numbers that each has of its own, nor what differs by the runtime's name. */
const MOUNTS =
  "awk '$5 ~ /^.(a|b|c|tmp|run|dev.(shm|pts|mqueue)|sys|proc)$/ {print $5, $6, $(NF-2)}'";

describe.runIf(requirePodman())("Podman's flags over marmita-runtime", () => {
  expectNothingLeft();

  let podman: Podman;
  let other: Podman | undefined;
  let folder: string;

  const runs = (one: Podman) =>
    one.try(["run", "--rm", "--network=none", IMAGE, "true"]).status === 0;

  beforeAll(async () => {
    const opened = await openPodman();
    opened.podman("load", "--quiet", "--input", busyboxArchive());
    podman = opened.withRuntime(RUNTIME);
    other = ["crun", "runc"].map((name) => opened.withRuntime(name)).find(runs);
    folder = await temporaryFolder();
    mkdirSync(join(folder, "sub"));
    writeFileSync(join(folder, "file"), "of the host\n");
  });

  it.each([
    [
      "mounts",
      () => [
        `--volume=${folder}:/a:ro,nosuid`,
        `--volume=${folder}:/o:O`,
        `--mount=type=bind,src=${folder},dst=/b,bind-propagation=rslave,noexec`,
        "--mount=type=tmpfs,dst=/c,tmpfs-size=1m,tmpfs-mode=1711",
        "--tmpfs=/etc:rw,size=1m",
        "--mount=type=tmpfs,dst=/bin2,notmpcopyup",
        "--shm-size=2m",
        "--read-only",
      ],
      `${MOUNTS} /proc/self/mountinfo | sort; cat /a/file; touch /a/x /b/y; ls /b
       echo changed > /o/file; cat /o/file /b/file
       test -s /etc/passwd && ls -A /bin2; stat -c '%a %U' /c /tmp /etc`,
    ],
    [
      "devices, limits and masks",
      () => [
        "--device=/dev/full:/dev/zero2:rw",
        "--device=/dev/fuse",
        "--ulimit=nofile=50:60",
        "--ulimit=core=0",
        "--oom-score-adj=300",
        "--security-opt=mask=/etc:/bin/cat",
        "--security-opt=unmask=/proc/scsi",
        "--security-opt=seccomp=unconfined",
        "--cap-add=all",
      ],
      `stat -c '%n %F %t,%T' /dev/zero2 /dev/fuse /dev/null; ls /dev | grep -v core | sort
       echo x > /dev/zero2; ulimit -n; ulimit -Hn; ulimit -c; ls -A /etc; wc -c < /bin/cat
       grep . /proc/self/oom_score_adj; grep -E '^(Seccomp|CapEff|CapBnd)' /proc/self/status`,
    ],
  ])("ask for %s as over another runtime", (_, flags, script) => {
    const args = ["run", "--rm", "--network=none", ...flags(), IMAGE, "sh", "-c", script];

    const ours = podman.try(args);
    const theirs = other?.try(args) ?? ours;

    expect(ours.stdout, ours.stderr).not.toBe("");
    expect({ stdout: ours.stdout, status: ours.status }).toEqual({
      stdout: theirs.stdout,
      status: theirs.status,
    });
  });
});
