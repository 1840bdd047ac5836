/** commit of one changed file over a big image: whole commands, and a process that is warm. */
import { inTurns, timeCommand } from "./changed.mjs";
import { timeCall } from "./diff.mjs";

const PODMAN = "`podman commit`, overlay";

export async function benchCommit({ changed, rounds }) {
  const { container, marmita, podman, buildah, layer } = changed;
  const contenders = [
    { name: "`marmita commit`", time: () => timeCommand(marmita(["commit", "changed", "made"])) },
    {
      name: PODMAN,
      missing: podman.missing,
      time: () => timeCommand(podman(["commit", "--quiet", "changed", "made"])),
    },
    {
      name: "`buildah commit`",
      missing: buildah.missing,
      time: () => timeCommand(buildah(["commit", "--quiet", "built", "built"])),
    },
    {
      name: "`container.commit()` in a warm process",
      time: () => timeCall(() => container.commit("made-warm")),
    },
  ];
  return [
    "### commit: one changed file",
    `Over one layer of ${layer.entries} entries; ${rounds} rounds.`,
    await inTurns(contenders, { rounds, reference: PODMAN }),
  ].join("\n\n");
}
