/** Throughput: lines that a container writes, from the first to the last that its reader has. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { percentile, table, times } from "./statistics.mjs";

/** In a file as often as makes a megabyte. */
const LINE = `${"marmita ".repeat(12)}one\n`;
const FILE_BYTES = 1_000_000;

/** One table: `megabytes` of lines of 100 bytes, by `cat`. */
export async function benchStreams({ engine, podman, megabytes, rounds, folder }) {
  const file = join(folder, "lines");
  writeFileSync(file, LINE.repeat(FILE_BYTES / LINE.length));
  const inside = ["cat", ...Array.from({ length: megabytes }, () => "/lines")];
  const outside = ["busybox", "cat", ...Array.from({ length: megabytes }, () => file)];

  const ours = (log, way) => () => readOurs(engine, { file, command: inside, log, way });
  const theirs = (driver) => () =>
    readProcess(podmanArgv(podman, { file, inside, driver }), podman);
  const contenders = [
    { name: "a bare pipe, no container", read: () => readProcess(outside) },
    { name: "marmita, a pipe of Node's own", read: ours("none", readDirect) },
    { name: "marmita, without a log, through the keeper", read: ours("none", readRelayed) },
    { name: "marmita, without a log, attached", read: ours("none", readAttached) },
    { name: "marmita, with a log, in the foreground", read: ours("k8s-file", readDirect) },
    { name: "marmita, with a log, attached", read: ours("k8s-file", readAttached) },
    { name: "podman run, without a log", read: theirs("none"), missing: podman.missing },
    { name: "podman run, with a log", read: theirs("k8s-file"), missing: podman.missing },
  ];
  for (const each of contenders) each.samples = [];
  for (let round = 0; round < rounds; round++) {
    for (const each of contenders) {
      if (each.missing === undefined) each.samples.push(await each.read());
    }
  }
  return [
    `### Streams: ${megabytes} MB of lines of 100 bytes, read by Node`,
    table(["", "MB/s", "of a bare pipe's"], contenders.map(row(contenders[0]))),
  ].join("\n\n");
}

/** Of rounds that met the same machine, beside the same `cat` on this machine itself. */
function row(reference) {
  return ({ name, samples, missing }) => {
    if (missing !== undefined) return [name, "–", `not here: ${missing}`];
    const ratios = samples.map((value, round) => value / reference.samples[round]);
    return [name, String(Math.round(percentile(samples, 0.5))), times(percentile(ratios, 0.5))];
  };
}

/** Megabytes in a second. */
async function throughput(stream) {
  let bytes = 0;
  let started;
  stream.on("data", (chunk) => {
    started ??= performance.now();
    bytes += chunk.length;
  });
  await once(stream, "end");
  return bytes / 1000 / (performance.now() - started);
}

async function readProcess([program, ...args], { env } = {}) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], env });
  const [result] = await Promise.all([throughput(child.stdout), once(child, "close")]);
  return result;
}

async function readOurs(engine, { file, command, log, way }) {
  const box = await engine.containers.create({
    image: "busybox",
    network: "none",
    openStdin: true,
    // Once somebody listens.
    command: ["sh", "-c", 'read go; exec "$@"', "sh", ...command],
    mounts: [{ type: "bind", source: file, target: "/lines", readOnly: true }],
    log: { driver: log },
  });
  try {
    return await way(engine, box);
  } finally {
    await box.remove({ force: true });
  }
}

async function readDirect(_engine, box) {
  return go(await box.start({ stdin: "pipe" }));
}

async function readRelayed(_engine, box) {
  return go(await box.start({ stdin: "pipe", stdout: "pipe", detach: true }));
}

async function go(process) {
  process.stdin.end("go\n");
  const [result] = await Promise.all([throughput(process.stdout), process.wait()]);
  return result;
}

async function readAttached(engine, box) {
  const { connectKeeper } = await import("../dist/runtime/keeper-socket.js");
  const process = await box.start({ stdin: "pipe", detach: true });
  const connection = await connectKeeper(join(engine.root, "containers", box.id, "socket"));
  const { stdout } = await connection.attach({ stdout: true });
  const reading = throughput(stdout);
  process.stdin.end("go\n");
  const [result] = await Promise.all([reading, process.wait()]);
  connection.close();
  return result;
}

function podmanArgv({ argv }, { file, inside, driver }) {
  if (argv === undefined) return [];
  const [image, command] = [argv.at(-2), argv.at(-1)];
  const before = argv.slice(0, argv.lastIndexOf(image));
  if (command !== "true") throw new Error("another command was expected");
  return [...before, `--log-driver=${driver}`, `--volume=${file}:/lines:ro`, image, ...inside];
}
