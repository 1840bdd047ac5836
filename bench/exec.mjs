/** One more command in a container that runs: `exec` of `true`, beside child_process and Podman. */
import { spawn, spawnSync } from "node:child_process";
import { milliseconds, pairedRatio, percentile, table, times } from "./statistics.mjs";

const IDLE = ["sleep", "100000"];

/** Each round does all of them once: what drifts in the machine is in all. */
export async function benchExec({ engine, podman, rounds }) {
  const { container } = await engine.containers.createAndStart({
    image: "busybox",
    command: IDLE,
    network: "none",
    remove: true,
  });
  const peer = startPodman(podman);
  const subjects = new Map([
    ["child_process.spawn", () => ended(spawn("true", { stdio: "pipe" }))],
    ["marmita, exec()", () => container.exec(["true"])],
    ["marmita, startExec() and wait()", () => started(container)],
    ...(peer.exec === undefined ? [] : [["podman exec", peer.exec]]),
  ]);
  try {
    return report(await measure(subjects, rounds), peer.note);
  } finally {
    await container[Symbol.asyncDispose]();
    peer.stop?.();
  }
}

async function started(container) {
  const process = await container.startExec(["true"], { stdout: "ignore", stderr: "ignore" });
  await process.wait();
}

function ended(child) {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
}

async function measure(subjects, rounds) {
  const samples = new Map([...subjects.keys()].map((name) => [name, new Map()]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, once] of subjects) {
      const began = performance.now();
      await once();
      if (round >= 0) samples.get(name).set(round, performance.now() - began); // the first is warm-up
    }
  }
  return samples;
}

function report(samples, note) {
  const reference = samples.get("child_process.spawn");
  const rows = [...samples].map(([name, values]) => [
    name,
    milliseconds(percentile(values.values(), 0.5)),
    milliseconds(percentile(values.values(), 0.9)),
    times(pairedRatio(values, reference)),
  ]);
  const head = ["`true`", "median", "90 %", "of a spawn"];
  return `## exec\n\n${table(head, rows)}\n\n${note}`;
}

/** A container of Podman's that idles, and a command in it. */
function startPodman({ argv, env, missing, note }) {
  if (missing !== undefined) return { note: `Podman: ${missing}` };
  const run = argv.indexOf("run");
  const global = argv.slice(0, run);
  const rest = argv.slice(run + 2, -1); // but for --rm, and the command
  const call = (...words) => {
    const [program, ...args] = [...global, ...words];
    return spawnSync(program, args, { env, encoding: "utf8" });
  };
  const began = call("run", "--detach", "--name=marmita-bench", ...rest, ...IDLE);
  if (began.status !== 0) return { note: `Podman: ${began.stderr.trim()}` };
  const [program, ...args] = [...global, "exec", "marmita-bench", "true"];
  return {
    note: `Podman: ${note}`,
    exec: () => ended(spawn(program, args, { env, stdio: "pipe" })),
    stop: () => call("rm", "--force", "--time=0", "marmita-bench"),
  };
}
