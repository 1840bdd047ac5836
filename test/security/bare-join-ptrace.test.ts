/**
 * Root of a container, with every capability in it, stops a process on its way in as soon as it can be
 * seen there, and looks into it: what it has open, its memory, the helper it is (CVE-2016-9962,
 * CVE-2019-5736).
 *
 * Red where target_enter() does not hide (native/init/target.c, both calls of hide()).
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BareContainer } from "../helpers/bare.ts";
import { begin } from "../helpers/bare-join.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

requireUserNamespaces();

/** The next one that comes has the next number: nothing else makes processes there. */
const ATTACK = `
  n=$(($$ + 1))
  id -u; grep CapEff /proc/self/status
  n=$(($n + 2))
  echo waiting
  while ! kill -STOP $n 2>&-; do :; done
  cat /proc/$n/comm
  for f in exe cwd root ns/mnt fd/1 fd/3; do readlink /proc/$n/$f && echo "read $f"; done
  for f in environ auxv maps mem; do head -c 1 /proc/$n/$f && echo "read $f"; done
  echo x > /proc/$n/fd/1 && echo "read by writing"
  kill -CONT $n
`;

/** How often it is tried: it takes some luck to be early enough. */
const TRIES = 16;

async function attack(pid: number): Promise<string> {
  const attacker = await begin(pid, { command: ["sh", "-c", ATTACK], words: ["stay"] });
  await attacker.release();
  const seen = () => readFileSync(attacker.output, "utf8");
  await eventually("its loop", () => (seen().includes("waiting") ? true : undefined), 5_000);
  const victim = await begin(pid, { command: ["true"] });
  await attacker.expect("exited");
  await victim.release();
  await Promise.all([attacker.joiner.ended, victim.joiner.ended]);
  return seen();
}

describe("a process that joins a bare container", () => {
  expectNothingLeft();

  it.for(["single", "auto"] as const)("cannot be looked into from there: ids %s", async (ids) => {
    const box = await BareContainer.create({ ids, command: ["sleep", "1000"] });
    expect(await box.start()).toBe("");
    using _killed = { [Symbol.dispose]: () => process.kill(box.pid, "SIGKILL") };

    for (let n = 0; n < TRIES; n++) {
      const seen = await attack(box.pid);
      // It was there, and the attacker may do all that anybody may do inside.
      expect(seen).toMatch(/^0\nCapEff:\t0*1f[f]+\nwaiting\nmarmita/);
      expect(seen).not.toContain("read ");
      expect(seen).toContain("denied");
    }
  });
});
