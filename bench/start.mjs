/** Start latency: from the call in Node to the end of `true`, in a small and in a large process. */
import { interleave, rows, worker } from "./contenders.mjs";
import { bubblewrap, crun, podman, run } from "./peers.mjs";

/** Slow ones take part in every so many rounds. */
const SLOW_EVERY = 5;

/** Three tables: from Node as it starts, with a network, and from Node with `residentMb` of memory. */
export async function benchStart({ rounds, residentMb, rootfs, archive, folder, dataRoot }) {
  const peers = await findPeers(rootfs, archive, folder);
  const small = await worker([], { DATA_ROOT: dataRoot });
  const large = await worker([], { DATA_ROOT: dataRoot, RESIDENT_MB: String(residentMb) });
  const nested = peers.crun.within?.length ? await worker(peers.crun.within, {}) : small;

  const contenders = [
    { name: "`run()` of marmita", worker: small },
    { name: "`run()` of marmita, with a terminal", worker: small, options: { tty: true } },
    {
      name: "`run()` of marmita, without a seccomp filter",
      worker: small,
      options: { seccomp: "unconfined" },
    },
    { name: '`spawn("true")`, no container', worker: small, argv: ["true"] },
    { name: "bwrap", worker: small, ...peers.bwrap },
    { name: "crun, ready bundle", worker: nested, ...peers.crun },
    {
      name: "crun, ready bundle with marmita's seccomp filter",
      worker: nested,
      ...peers.filteredCrun,
    },
    { name: `podman run --rm`, worker: small, ...peers.podman, every: SLOW_EVERY },
  ];
  const big = [
    { name: "`run()` of marmita", worker: large },
    { name: '`spawn("true")`, no container', worker: large, argv: ["true"] },
    { name: "bwrap", worker: large, ...peers.bwrap },
  ];

  const connected = connectedContenders(small, peers);

  try {
    await interleave([...contenders, ...connected, ...big], rounds);
  } finally {
    await Promise.all([...new Set([small, large, nested])].map((each) => each.end()));
    peers.podman.remove?.();
  }
  return [
    "### Start: run `true` in a container and wait for its end",
    rows(contenders, contenders[0]),
    "### The same with a network of its own that reaches others",
    rows(connected, connected[0]),
    `### The same from a Node process with ${(residentMb / 1000).toFixed(1)} GB resident`,
    rows(big, big[0]),
  ].join("\n\n");
}

/** The default network, by each program; of Podman what it has. */
function connectedContenders(small, { podman: peer }) {
  const ours = ["pasta", "slirp4netns"].map((network) => ({
    name: `\`run()\` of marmita, ${network}`,
    worker: small,
    options: { network },
    every: SLOW_EVERY,
    ...missingHelper(network),
  }));
  const theirs = ["pasta", "slirp4netns"].map((network) => ({
    name: `podman run --rm, ${network}`,
    worker: small,
    ...peer,
    ...peer.connected?.[network],
    every: SLOW_EVERY,
  }));
  return [...ours, ...theirs];
}

function missingHelper(program) {
  const fault = run([program, "--version"]);
  return fault === undefined ? {} : { missing: fault };
}

async function findPeers(rootfs, archive, folder) {
  const { defaultSeccomp } = await import("../dist/runtime/seccomp/resolve.js");
  const { DEFAULT_CAPABILITIES } = await import("../dist/runtime/capabilities.js");
  return {
    bwrap: bubblewrap(rootfs),
    crun: crun(rootfs, folder),
    filteredCrun: crun(rootfs, folder, defaultSeccomp(DEFAULT_CAPABILITIES)),
    podman: podman(archive, folder),
  };
}
