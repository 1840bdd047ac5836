/** Bare containers by plans made by hand: what the verb `create` does, without who calls it. */
import { closeSync, constants, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import {
  execResultPath,
  formatIdMap,
  type HelperEvent,
  type Keeper,
  spawnStarter,
} from "../../lib/native/helper.ts";
import { encodePlan, type Plan } from "../../lib/native/plan.ts";
import { chooseIdMapping } from "../../lib/runtime/id-maps.ts";
import { fillRootfs } from "./bundles.ts";
import { eventually } from "./eventually.ts";
import { temporaryFolder } from "./folder.ts";

export const CLONE_NEWPID = 0x2000_0000;
/** User, mount, pid, uts and ipc. */
export const NAMESPACES = 0x1000_0000 + 0x2_0000 + CLONE_NEWPID + 0x400_0000 + 0x800_0000;

export interface BareOptions {
  readonly command: readonly string[];
  readonly environment?: readonly string[];
  /** What comes before `pivot`, and what comes behind it. */
  readonly before?: Plan;
  readonly after?: Plan;
  /** In the place of `pivot`. */
  readonly pivot?: Plan;
  /** CLONE_NEW…; without pids of its own it has no /proc. */
  readonly namespaces?: number;
  /** What is said of other ones. */
  readonly shared?: Plan;
  /** Files that are in its folder before. */
  readonly files?: readonly string[];
  readonly ids?: "single" | "auto";
  readonly words?: readonly string[];
  readonly stdin?: number;
  readonly stdout?: number;
  readonly stderr?: number;
  readonly preserved?: readonly number[];
  /** What the plan says of that, where it is not their number. */
  readonly preserveCount?: number;
  readonly console?: number;
}

/** One that has its starter; what it writes goes to a file. */
export class BareContainer {
  readonly folder: string;
  readonly fifo: string;
  readonly output: string;
  readonly starter: Keeper;
  readonly #events: AsyncIterator<HelperEvent>;

  private constructor(folder: string, starter: Keeper) {
    this.folder = folder;
    this.fifo = join(folder, "exec.fifo");
    this.output = join(folder, "output");
    this.starter = starter;
    this.#events = starter.events[Symbol.asyncIterator]();
  }

  /** Only to its first event. */
  static async begin(options: BareOptions): Promise<BareContainer> {
    const folder = await temporaryFolder();
    const plan = join(folder, "plan");
    for (const name of options.files ?? []) writeFileSync(join(folder, name), "");
    writeFileSync(plan, encodePlan(await planOf(folder, options)));
    const output = openSync(join(folder, "output"), "a");
    const input = openSync("/dev/null", "r");
    try {
      const { stdin = input, stdout = output, stderr = output } = options;
      const { words, preserved, console } = options;
      return new BareContainer(
        folder,
        spawnStarter({ title: "test", plan, words, preserved, console, stdin, stdout, stderr }),
      );
    } finally {
      closeSync(output);
      closeSync(input);
    }
  }

  /** Created and let go of. */
  static async create(options: BareOptions): Promise<BareContainer & { readonly pid: number }> {
    const box = await BareContainer.begin(options);
    const pid = await box.release();
    return Object.assign(box, { pid });
  }

  /** The next event; throws with the failure if it is one, and at their end. */
  async expect(name: string): Promise<HelperEvent> {
    const { value, done } = await this.#events.next();
    const event = done === true ? { event: "end" } : value;
    if (event.event !== name) throw new Error(`not ${name}: ${JSON.stringify(event)}`);
    return event;
  }

  /** From `created` to `released`; the container's pid. */
  async release(): Promise<number> {
    const { pid } = await this.expect("created");
    this.starter.send("release");
    await this.expect("released");
    return Number(pid);
  }

  /** What it has written so far. */
  shown(): string {
    return readFileSync(this.output, "utf8");
  }

  /** As `start` does it: what it has to say of the command's start, "" when that took place. */
  start(): Promise<string> {
    return openGate(this.fifo);
  }

  /** What it has written, once it has ended. */
  async written(pid: number): Promise<string> {
    await eventually("its end", () => (isAlive(pid) ? undefined : true), 5_000);
    return this.shown();
  }
}

/** Let it execute its command, and hear how that went. */
export async function openGate(fifo: string): Promise<string> {
  const gate = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
  const result = openSync(execResultPath(fifo), constants.O_RDONLY | constants.O_NONBLOCK);
  writeSync(gate, "0");
  closeSync(gate);
  return text(new Socket({ fd: result, readable: true, writable: false }));
}

/** Whether it runs: one that nobody has reaped does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

async function planOf(folder: string, options: BareOptions): Promise<Plan> {
  const { command, environment = ["PATH=/bin"], before = [], after = [] } = options;
  const { preserved = [], ids = "single", pivot = [["pivot"]] } = options;
  const { namespaces = NAMESPACES, shared = [] } = options;
  const hasPids = (namespaces & CLONE_NEWPID) !== 0;
  const rootfs = join(folder, "rootfs");
  fillRootfs(rootfs, busyboxLayer());
  const mapping = await chooseIdMapping(ids);
  return [
    ["map-by", mapping.mode === "subids" ? "helpers" : "direct"],
    ["setgroups", mapping.setgroups ? "allow" : "deny"],
    ["uid-map", formatIdMap(mapping.uids)],
    ["gid-map", formatIdMap(mapping.gids)],
    ["namespaces", namespaces],
    ...shared,
    ["exec-fifo", join(folder, "exec.fifo")],
    ["preserve-fds", options.preserveCount ?? preserved.length],
    ["propagation"],
    ["root", rootfs, 1],
    ...(hasPids ? [["mount", "proc", "proc", "/proc", 0, []] as const] : []),
    ...before,
    ...pivot,
    ...after,
    ["environment", environment],
    ["command", command],
  ];
}
