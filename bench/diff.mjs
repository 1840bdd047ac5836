/** diff after one changed file over a big image: whole commands, and a process that is warm. */
import { inTurns, timeCommand } from "./changed.mjs";

const PODMAN = "`podman diff`, overlay";

export async function benchDiff({ changed, rounds }) {
  const { container, marmita, podman, copies, layer } = changed;
  const contenders = [
    { name: "`marmita diff`", time: () => timeCommand(marmita(["diff", "changed"])) },
    {
      name: PODMAN,
      missing: podman.missing,
      time: () => timeCommand(podman(["diff", "changed"])),
    },
    {
      name: "`podman diff`, vfs",
      missing: copies.missing,
      time: () => timeCommand(copies(["diff", "changed"])),
      rounds: 3,
    },
    { name: "`container.diff()` in a warm process", time: () => timeCall(() => container.diff()) },
  ];
  return [
    "### diff: one changed file",
    `Over one layer of ${layer.entries} entries; ${rounds} rounds.`,
    await inTurns(contenders, { rounds, reference: PODMAN }),
  ].join("\n\n");
}

export async function timeCall(call) {
  const started = performance.now();
  await call();
  return performance.now() - started;
}
