import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { type Facts, requirePodman, settings, split, undocumented } from "../helpers/compared.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { busyboxArchive } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type Podman, openPodman } from "../helpers/podman.ts";
import { hostCannot } from "../helpers/user-namespaces.ts";

const IMAGE = "localhost/busybox";
/** Lines of /proc/self/status that tell of confinement; the rest are numbers of that moment. */
const STATUS =
  /^(Uid|Gid|Groups|Cap\w+|NoNewPrivs|Seccomp|Umask|Sig(Blk|Ign|Cgt|Q)|Shd\w+|Spec\w+):/;

const able = requirePodman();

describe("a container beside rootless Podman's", () => {
  expectNothingLeft();

  let engine: Engine;
  let podman: Podman;
  let fault: string | undefined;

  beforeAll(async () => {
    if (!able) return;
    engine = await busyboxEngine();
    podman = await openPodman();
    podman.podman("load", "--quiet", "--input", busyboxArchive());
    fault = podman.runFault(IMAGE);
  });

  it.for([
    ["id", "exec id", words],
    ["id maps", "for m in uid_map gid_map; do echo $m=$(cat /proc/self/$m); done", settings],
    ["/proc/self/status", "exec cat /proc/self/status", status],
    ["mounts", "cat /proc/self/mountinfo", mounts],
    ["/dev", "ls -l /dev", devices],
    ["environment", "env", settings],
    ["limits", 'for o in n u c s l; do echo "ulimit -$o=$(ulimit -$o)"; done', settings],
  ] as const)("differs in %s only as the documentation says", async ([, script, read], context) => {
    if (fault !== undefined) context.skip(hostCannot("start containers with podman", fault));

    const command = ["sh", "-c", script];
    const theirs = read(podman.podman("run", ...FLAGS, IMAGE, ...command));
    const { stdout } = await run("busybox", command, {
      engine,
      remove: true,
      network: "none",
      hostname: "box",
    });
    const ours = read(stdout);

    expect(undocumented(ours, theirs)).toEqual([]);
  });
});

const FLAGS = ["--rm", "--network=none", "--hostname=box"];

/** `uid=0(root) gid=0(root)` */
function words(text: string): Facts {
  return settings(text.replaceAll(" ", "\n"));
}

function status(text: string): Facts {
  const chosen = text.split("\n").filter((line) => STATUS.test(line));
  return new Map(chosen.map((line) => split(line, /:\s*/)));
}

/** Mount point → type and options, without what names a place on the host. */
function mounts(text: string): Facts {
  return new Map(
    text
      .trim()
      .split("\n")
      .map((line) => {
        const [before = "", after = ""] = line.split(" - ");
        const [, , , , target = "", options = ""] = before.split(" ");
        const [type = ""] = after.split(" ");
        return [`mount ${target}`, `${type} ${options}`];
      }),
  );
}

/** Name → type, permissions, owner and where a link points, of one line of `ls -l`. */
function devices(text: string): Facts {
  const rows = text
    .trim()
    .split("\n")
    .filter((line) => !line.startsWith("total"));
  return new Map(
    rows.map((line) => {
      const [head = "", target = ""] = line.split(" -> ");
      const words = head.split(/\s+/);
      const owner = words.slice(2, 4).join(":");
      const numbers = /^[cb]/.test(head) ? words.slice(4, 6).join("") : "";
      return [`/dev/${words.at(-1)}`, [words[0], owner, numbers, target].join(" ")];
    }),
  );
}
