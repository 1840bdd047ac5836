/**
 * One Node process that starts things when told to and answers how long each took.
 * Environment: RESIDENT_MB of memory to fill first; DATA_ROOT for an engine, absent for none.
 */
import { spawn } from "node:child_process";

const megabytes = Number(process.env.RESIDENT_MB ?? 0);
// Global, or the collector takes it: nobody else reads it.
globalThis.ballast = Array.from({ length: megabytes }, () => Buffer.alloc(2 ** 20, 7));

const root = process.env.DATA_ROOT;
const marmita = root === undefined ? undefined : await import("../dist/index.js");
const engine = await marmita?.openEngine({ root });

process.on("message", async (message) => {
  if (message.end) return end();
  const started = performance.now();
  try {
    await start(message);
    process.send({ ms: performance.now() - started });
  } catch (error) {
    process.send({ error: String(error?.stack ?? error) });
  }
});
process.send({ ready: true });

async function start({ argv, env, options, bundle }) {
  if (argv !== undefined) return spawned(argv, env);
  if (bundle !== undefined) return ranBundle(bundle);
  const { exitCode } = await marmita.run("busybox", ["true"], {
    engine,
    remove: true,
    network: "none",
    ...options,
  });
  if (exitCode !== 0) throw new Error(`true exited with ${exitCode}`);
}

async function ranBundle({ directory, root }) {
  const { exitCode } = await marmita.runtime.run("bench", directory, { root });
  if (exitCode !== 0) throw new Error(`true exited with ${exitCode}`);
}

/** As a Node program would: output as pipes, until the process has ended and they are closed. */
function spawned([program, ...args], env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env });
    let stderr = "";
    child.stdout.resume();
    child.stderr.on("data", (chunk) => (stderr += chunk));
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`${program} exited with ${code}: ${stderr}`)),
    );
  });
}

async function end() {
  await engine?.[Symbol.asyncDispose]();
  process.disconnect();
}
