/** Every system call there is, asked in our container and in Podman's: who answers what. */
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { type Facts, requirePodman, undocumented } from "../helpers/compared.ts";
import { testEngine } from "../helpers/engine.ts";
import { probeArchive } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type Podman, openPodman } from "../helpers/podman.ts";
import { parseSyscalls } from "../helpers/probe.ts";
import { hostCannot } from "../helpers/user-namespaces.ts";

const IMAGE = "localhost/probe";

const able = requirePodman();

describe("the system calls of a container beside rootless Podman's", () => {
  expectNothingLeft();

  let engine: Engine;
  let podman: Podman;
  let fault: string | undefined;

  beforeAll(async () => {
    if (!able) return;
    engine = await testEngine();
    await engine.images.load(probeArchive());
    podman = await openPodman();
    podman.podman("load", "--quiet", "--input", probeArchive());
    fault = podman.runFault(IMAGE, ["probe", "exit", "0"]);
  });

  it.for([
    ["of 64-bit programs", "native", named],
    ["of 32-bit programs", "i386", named],
    ["of the third ABI", "x32", together],
  ] as const)("differ, %s, only as the documentation says", async ([, abi, facts], { skip }) => {
    if (fault !== undefined) skip(hostCannot("start containers with podman", fault));

    const command = ["probe", "syscalls", abi];
    const theirs = podman.podman("run", "--rm", "--network=none", IMAGE, ...command);
    const { stdout } = await run("probe", command, { engine, remove: true, network: "none" });

    expect(parseSyscalls(stdout).length).toBeGreaterThan(500);
    expect(undocumented(facts(stdout, abi), facts(theirs, abi))).toEqual([]);
  });
});

/** `mount()` → what it answered; numbers that are nobody's are one fact together. */
function named(text: string, abi: string): Facts {
  const calls = parseSyscalls(text);
  const unnamed = calls.filter(({ name }) => name === undefined);
  return new Map([
    ...calls.flatMap(({ name, answer }): [string, string][] => {
      return name === undefined ? [] : [[`${name}()`, answer]];
    }),
    ...together(unnamed.map(({ line }) => line).join("\n"), `${abi}: no system call`),
  ]);
}

/** The answers there were. */
function together(text: string, name: string): Facts {
  const answers = new Set(parseSyscalls(text).map(({ answer }) => answer));
  return new Map([[name, [...answers].sort((a, b) => (a < b ? -1 : 1)).join(" ")]]);
}
