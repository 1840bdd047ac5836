/** One OCI bundle, run by each runtime: `true`, waited for. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { interleave, rows, worker } from "./contenders.mjs";
import { crun, run } from "./peers.mjs";

const RUNTIME = fileURLToPath(new URL("../dist/bin/marmita-runtime.js", import.meta.url));

/** What Node takes to start is in `marmita-runtime`, and so it has a row. */
export async function benchBundle({ rounds, rootfs, folder, dataRoot }) {
  const place = join(folder, "bundles");
  mkdirSync(place);
  const peer = crun(rootfs, place);
  if (peer.missing !== undefined) return `### Bundle\n\nnot here: ${peer.missing}`;
  const directory = ownBundle(join(place, "bundle"), join(place, "own"));
  const root = join(place, "marmita-runtime");
  const flags = (name) => [`--root=${join(place, name)}`, "run", `--bundle=${directory}`, name];

  const small = await worker([], { DATA_ROOT: dataRoot });
  const nested = peer.within.length > 0 ? await worker(peer.within, {}) : small;
  const contenders = [
    { name: "`crun run`", worker: nested, ...peer },
    { name: "`runc run`", worker: small, ...tried(["runc", ...flags("runc")]) },
    { name: "`marmita-runtime run`", worker: small, ...tried([RUNTIME, ...flags("ours")]) },
    { name: "`runtime.run()` in a warm process", worker: small, bundle: { directory, root } },
    { name: "`node -e 0`", worker: small, argv: [process.execPath, "-e", "0"] },
  ];
  try {
    await interleave(contenders, rounds);
  } finally {
    await Promise.all([...new Set([small, nested])].map((each) => each.end()));
  }
  return [
    "### Bundle: run `true` of a ready bundle and wait for its end",
    rows(contenders, contenders[0], "of crun's"),
  ].join("\n\n");
}

/** The same with the one id of this process: crun may have written it inside of a namespace. */
function ownBundle(from, to) {
  const config = JSON.parse(readFileSync(join(from, "config.json"), "utf8"));
  if (config.linux.namespaces.some(({ type }) => type === "user")) {
    config.linux.uidMappings = [{ containerID: 0, hostID: process.getuid(), size: 1 }];
    config.linux.gidMappings = [{ containerID: 0, hostID: process.getgid(), size: 1 }];
  }
  mkdirSync(to);
  writeFileSync(join(to, "config.json"), JSON.stringify(config));
  return to;
}

function tried(argv) {
  const fault = run(argv);
  return fault === undefined ? { argv } : { missing: fault };
}
