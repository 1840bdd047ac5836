/** What containers cost when they are many: disk for a kept one, memory for a running one. */
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { table } from "./statistics.mjs";

const AT_ONCE = 8;
const RUNNING = 10;

/** Disk that `count` stopped containers of one image take, which wrote nothing. */
export async function benchDisk({ engine, dataRoot, count }) {
  const { run } = await import("../dist/index.js");
  const before = diskUsage(dataRoot);
  const started = performance.now();
  let left = count;
  const ids = [];
  const lane = async () => {
    while (left-- > 0) ids.push((await run("busybox", ["true"], { engine, network: "none" })).id);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  const took = performance.now() - started;
  const each = (diskUsage(dataRoot) - before) / count;
  for (const id of ids) await engine.containers.remove(id);
  const image = (before / 1e6).toFixed(1);
  return [
    `### Disk: ${count} stopped containers of one image`,
    table(
      ["", "each"],
      [
        ["disk, with an image of " + image + " MB", `${(each / 1024).toFixed(1)} KiB`],
        [`time to run them, ${AT_ONCE} at once`, `${(took / count).toFixed(1)} ms`],
      ],
    ),
  ].join("\n\n");
}

/** Memory of the process that stays beside each running container. */
export async function benchMemory({ engine }) {
  const boxes = [];
  for (let at = 0; at < RUNNING; at++) {
    const box = await engine.containers.create({
      image: "busybox",
      command: ["sleep", "1000"],
      remove: true,
    });
    const process = await box.start();
    boxes.push(process);
  }
  const keepers = children().filter((pid) => name(pid) === "marmita-keeper");
  const of = (field) =>
    keepers.reduce((sum, pid) => sum + Number(field.exec(status(pid))?.[1] ?? 0), 0) /
    keepers.length;
  const resident = of(/^VmRSS:\s*(\d+)/m);
  const own = of(/^RssAnon:\s*(\d+)/m);
  for (const box of boxes) box.kill("SIGKILL");
  await Promise.all(boxes.map((box) => box.wait()));
  return [
    `### Memory: the keeper of a running container, mean of ${keepers.length}`,
    table(
      ["", "KiB"],
      [
        ["resident, pages of the program shared by all of them included", resident.toFixed(0)],
        ["of it its own", own.toFixed(0)],
      ],
    ),
  ].join("\n\n");
}

function diskUsage(path) {
  const output = execFileSync("sh", ["-c", 'du -s -B1 "$1" 2>/dev/null || true', "sh", path], {
    encoding: "utf8",
  });
  return Number.parseInt(output, 10);
}

function children() {
  return readdirSync("/proc/self/task").flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, "utf8").trim().split(/\s+/).filter(Boolean),
  );
}

function status(pid) {
  return readFileSync(`/proc/${pid}/status`, "utf8");
}

function name(pid) {
  return /^Name:\s*(.*)$/m.exec(status(pid))?.[1];
}
