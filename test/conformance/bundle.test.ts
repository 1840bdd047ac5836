import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import { probeProgram } from "../../fixtures/probe.mjs";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { fillRootfs, readSpec, runBundle } from "../helpers/bundles.ts";
import { busyboxEngine, testEngine } from "../helpers/engine.ts";
import { probeArchive } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { parseSyscalls } from "../helpers/probe.ts";
import { requireProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const COMMAND = [
  "sh",
  "-c",
  "echo $(hostname) $(id -u) $PPID; ls -d /proc/self /dev/null /dev/shm",
];

const PRINTED = /^[0-9a-f]{12} 0 0\n\/dev\/null\n\/dev\/shm\n\/proc\/self\n$/;

const able = requireUserNamespaces() && requireProgram("crun") && requireProgram("runc");

describe("the bundle of a container", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    if (!able) return;
    engine = await busyboxEngine();
  });

  it("holds a config.json of the runtime specification", async () => {
    const spec = readSpec(await bundleOf(engine));

    expect(spec).toMatchObject({
      ociVersion: expect.stringMatching(/^1\./) as string,
      root: { path: "rootfs" },
      process: { args: COMMAND, cwd: "/" },
      linux: {
        namespaces: expect.arrayContaining([{ type: "user" }, { type: "mount" }]) as unknown,
      },
    });
  });

  it.for(["crun", "runc"])("is run by %s", async (runtime, context) => {
    const bundle = await bundleOf(engine);

    const printed = await runBundle(runtime, bundle, context);

    expect(printed).toMatch(PRINTED);
  });
});

/** The filter is in the bundle: another runtime compiles it by itself. */
describe("the seccomp profile of a bundle", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    if (!able) return;
    engine = await testEngine();
    await engine.images.load(probeArchive());
  });

  it.for(
    ["crun", "runc"].flatMap((runtime) => ["native", "i386", "x32"].map((abi) => [runtime, abi])),
  )(
    "has every system call answered by %s as by us: %s",
    async ([runtime = "", abi = ""], context) => {
      const command = ["/bin/probe", "syscalls", abi];
      const options = { image: "probe", command, network: "none" } as const;
      const box = await engine.containers.create(options);
      const bundle = join(engine.root, "containers", box.id);
      fillRootfs(join(bundle, "rootfs"), busyboxLayer());
      copyFileSync(probeProgram(), join(bundle, "rootfs/bin/probe"));

      const theirs = await runBundle(runtime, bundle, context);
      const { stdout } = await run("probe", command, { engine, remove: true, network: "none" });

      expect(answers(theirs)).toEqual(answers(stdout));
    },
  );
});

/** Denied where the runtime runs in a namespace with one id only. */
const BY_NAMESPACE = /^setgroups(?:32)?$/;

/** statmount: from there on an older libseccomp knows no names, and denies what we allow. */
const NEWER = 457;

function answers(text: string): readonly string[] {
  const known = parseSyscalls(text).filter(({ number, name }) => {
    return name !== undefined && number < NEWER && !BY_NAMESPACE.test(name);
  });
  expect(known.length).toBeGreaterThan(300);
  return known.map(({ line }) => line);
}

/** A container that is created and never started, its rootfs filled by hand: only we overlay. */
async function bundleOf(engine: Engine): Promise<string> {
  const box = await engine.containers.create({ image: "busybox", command: COMMAND });
  const bundle = join(engine.root, "containers", box.id);
  fillRootfs(join(bundle, "rootfs"), busyboxLayer());
  return bundle;
}
