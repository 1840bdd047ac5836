/** Containers in the background: memory beside each, and how long `ps` takes when they are many. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { milliseconds, percentile, table } from "./statistics.mjs";

const PROGRAM = fileURLToPath(new URL("../dist/bin/marmita.js", import.meta.url));
const AT_ONCE = 8;
/** Of those with a network each has a program of its own beside it. */
const CONNECTED = 10;
const ROUNDS = 15;

/** Two tables: memory of all that runs for one idle container but its command; `ps` of `count`. */
export async function benchBackground({ engine, dataRoot, count }) {
  const idle = await start(engine, count, "none");
  const none = memory(dataRoot, idle);
  const listing = listings(dataRoot);
  await remove(engine, idle);

  const connected = await start(engine, CONNECTED, "private");
  const { isolation } = await engine.containers.get(connected[0]).then(({ record }) => record);
  const others = memory(dataRoot, connected);
  await remove(engine, connected);

  return [
    "### Background: memory beside an idle container, its command's own left out",
    table(
      ["network", "containers", "resident", "of it not shared"],
      [
        ["none", idle.length, kib(none.resident), kib(none.own)],
        [isolation.network, connected.length, kib(others.resident), kib(others.own)],
      ],
    ),
    `### Background: \`marmita ps\` of ${count} containers that run, median of ${ROUNDS}`,
    table(["", "time"], listing),
  ].join("\n\n");
}

async function start(engine, count, network) {
  let left = count;
  const ids = [];
  const lane = async () => {
    while (left-- > 0) {
      const options = { image: "busybox", command: ["sleep", "100000"], network };
      const { container } = await engine.containers.createAndStart(options, { detach: true });
      ids.push(container.id);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return ids;
}

async function remove(engine, ids) {
  for (const id of ids) await (await engine.containers.get(id)).remove({ force: true });
}

/** Means of the keeper and all it started but the container's own processes, in KiB. */
function memory(dataRoot, ids) {
  let resident = 0;
  let own = 0;
  for (const id of ids) {
    const live = readFileSync(join(dataRoot, "live", id), "utf8").split("\n", 1)[0];
    const { keeper, pid } = JSON.parse(live);
    for (const process of family(String(keeper), String(pid))) {
      const status = readFileSync(`/proc/${process}/status`, "utf8");
      resident += Number(/^VmRSS:\s*(\d+)/m.exec(status)?.[1] ?? 0);
      own += Number(/^RssAnon:\s*(\d+)/m.exec(status)?.[1] ?? 0);
    }
  }
  return { resident: resident / ids.length, own: own / ids.length };
}

function family(process, spared) {
  if (process === spared) return [];
  const children = readFileSync(`/proc/${process}/task/${process}/children`, "utf8").trim();
  const below = children === "" ? [] : children.split(" ");
  return [process, ...below.flatMap((child) => family(child, spared))];
}

function listings(dataRoot) {
  const env = { ...process.env, MARMITA_ROOT: dataRoot };
  const contenders = [
    ["`node -e 0`", [process.execPath, "-e", "0"]],
    ["`marmita ps`", [process.execPath, PROGRAM, "ps"]],
    ["`marmita ps -q`", [process.execPath, PROGRAM, "ps", "-q"]],
  ];
  const samples = contenders.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [at, [, [program, ...args]]] of contenders.entries()) {
      const began = performance.now();
      const { status } = spawnSync(program, args, { env, stdio: ["ignore", "pipe", "inherit"] });
      if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}`);
      samples[at].push(performance.now() - began);
    }
  }
  return contenders.map(([name], at) => [name, milliseconds(percentile(samples[at], 0.5))]);
}

function kib(value) {
  return `${value.toFixed(0)} KiB`;
}
