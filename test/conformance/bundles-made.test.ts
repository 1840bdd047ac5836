import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, type TestContext } from "vitest";
import { imageArchive } from "../../fixtures/image-archive.mjs";
import { randomLayers } from "../../fixtures/random-layers.mjs";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import { createBundle } from "../../lib/api/bundles.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { chooseIdMapping } from "../../lib/runtime/id-maps.ts";
import { output } from "../helpers/command.ts";
import { testEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { busyboxWith } from "../helpers/images.ts";
import { findJudge, type JudgeName, judgeMade, runMade } from "../helpers/judges.ts";
import { LISTING, asRoot } from "../helpers/layers.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able = requireUserNamespaces() && requireProgram("crun") && requireProgram("runc");

/** What a command sees, less what each runtime has in an order of its own. */
const LOOK = [
  "hostname; id -u; id -g; pwd; umask; cat /etc/hosts /etc/hostname /etc/resolv.conf",
  "env | grep -v ^SHLVL= | sort",
  "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status",
  "awk '{ print $1, $3 }' /proc/self/uid_map /proc/self/gid_map",
  "awk '{ print $5 }' /proc/self/mountinfo | grep -v ^/sys/fs/cgroup | sort",
  "ls -ln /kitchen; stat -c '%a %u %g %n' / /etc /tmp /bin/busybox /kitchen/*",
  "ls /proc/self/ns; ls -d /dev/null /dev/zero /dev/full /dev/tty /dev/shm /dev/pts",
  "cat /proc/sys/net/ipv4/ping_group_range; ls /sys/class/net",
].join("; ");

/** As an image has it: a user by name, a further group, files of several owners. */
const image = () =>
  busyboxWith({
    name: "kitchen",
    layers: [
      [
        {
          path: "etc/passwd",
          content: "root:x:0:0::/root:/bin/sh\ncook:x:7:8::/kitchen:/bin/sh\n",
        },
        { path: "etc/group", content: "root:x:0:\ncooks:x:8:\npantry:x:9:cook\n" },
        { path: "kitchen/knife", uid: 7, gid: 8, mode: 0o4750, content: "sharp" },
        { path: "kitchen/gone", content: "" },
      ],
      [{ path: "kitchen/.wh.gone", content: "" }],
    ],
    config: { User: "cook", Env: ["DISH=feijoada"], WorkingDir: "/kitchen" },
  });

describe("a bundle made of an image", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    if (!able) return;
    engine = await testEngine();
    await engine.images.load(image());
  });

  it.for([
    ["as its image says", {}],
    ["as root of a read-only file system", { user: "0", readOnly: true }],
    ["without a seccomp filter and capabilities", { seccomp: "unconfined", capDrop: ["ALL"] }],
    ["in namespaces of this machine", { network: "host", uts: "host", cgroupns: "host" }],
  ] as const)(
    "shows its command the same under crun, runc and marmita-runtime %s",
    async ([, options], context) => {
      const seen = [];
      for (const name of ["crun", "runc", "marmita-runtime"] as const) {
        seen.push(lines(await see(name, { options, context })));
      }

      expect(seen[0]).toEqual(seen[1]);
      expect(seen[2]).toEqual(seen[1]);
    },
  );

  async function see(
    name: JudgeName | "marmita-runtime",
    { options, context }: { readonly options: object; readonly context: TestContext },
  ): Promise<string> {
    const judge = name === "marmita-runtime" ? undefined : await findJudge(name, context);
    const folder = await temporaryFolder();
    const asked = { engine, directory: join(folder, "made"), command: ["sh", "-c", LOOK] };
    const { mode } = await chooseIdMapping();
    const user = mode === "single" ? { user: "0" } : {}; // there is nobody else
    const { directory } = await createBundle("kitchen", { ...asked, ...user, ...options });
    const moved = join(folder, "moved");
    renameSync(directory, moved);

    const { status, stdout, stderr } =
      judge === undefined ? runMade(moved) : judgeMade(judge, moved);

    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    return stdout;
  }
});

/** umoci applies the layers one after the other. */
describe("a bundle made of random layers", () => {
  expectNothingLeft();

  const isThere = requireUserNamespaces() && requireProgram("umoci");

  it.runIf(isThere).each(Array.from({ length: 10 }, (_, at) => at + 101))(
    "has the files that umoci unpacks: seed %i",
    async (seed) => {
      const engine = await testEngine();
      const folder = await temporaryFolder();
      const layers = randomLayers(seed).map((entries) => tarArchive(entries));
      const archive = join(folder, "random.tar");
      const config = { Cmd: ["true"] };
      writeFileSync(archive, imageArchive({ layers, name: "random:latest", form: "oci", config }));
      await engine.images.load(archive);

      const { rootfs } = await createBundle("random", { engine, directory: join(folder, "made") });

      const theirs = join(folder, "theirs");
      const rootless = process.getuid?.() === 0 ? [] : ["--rootless"];
      const image = `${join(engine.root, "images")}:random:latest`;
      output(["umoci", "raw", "unpack", ...rootless, "--image", image, theirs]);
      expect(listing(rootfs)).toEqual(listing(theirs));
      expect(listing(rootfs)).not.toEqual([]);
    },
  );
});

function listing(rootfs: string): readonly string[] {
  return asRoot(`cd "$1"\n${LISTING}`, rootfs).trimEnd().split("\n").sort();
}

function lines(text: string): readonly string[] {
  return text.split("\n");
}
