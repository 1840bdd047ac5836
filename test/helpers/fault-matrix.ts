/** Pulls and pushes through a proxy that misbehaves: how each ends, and what it leaves and tells. */
import { randomBytes } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import type { ErrorCode } from "../../lib/errors.ts";
import { isMarmitaError } from "../../lib/errors.ts";
import { type Fault, type FaultProxy, startFaultProxy } from "./fault-proxy.ts";
import { temporaryFolder } from "./folder.ts";

export const LOGIN = { username: "ana", password: "quindim-de-coco" };

/** Nothing waits longer than that for a stalled proxy. */
const PATIENCE = { connectMs: 2_000, headersMs: 400, idleMs: 400 };
/** A pull or push ends before that, whatever happens: retries and their pauses included. */
const BOUND_MS = 40_000;
const AT_ONCE = 16;
/** Where there is something a user can do. */
const NEEDS_HINT = new Set(["UNAUTHORIZED", "DENIED", "RATE_LIMITED", "UNAVAILABLE"]);

export interface Cell {
  readonly name: string;
  readonly faults: readonly Fault[];
  /** Codes: it fails with one of them. */
  readonly expected: "right" | readonly ErrorCode[];
}

export interface Work {
  /** Of the cell: lower case, no other has it. */
  readonly id: string;
  readonly engine: Engine;
  readonly proxy: FaultProxy;
  readonly onProgress: (progress: object) => void;
}

export interface Outcome {
  /** `right`, the code of the error, or what is wrong with it. */
  readonly ended: string;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;
  readonly message: string;
  /** What nobody should find in the data root or be told. */
  readonly faults: readonly string[];
  readonly requests: readonly string[];
  /** Whether all its stages were there to misbehave at. */
  readonly met: boolean;
}

export interface Matrix {
  /** The registry's URL. */
  readonly registry: string;
  /** Of one that ends badly, with all that is tried again. */
  readonly mostRequests: number;
  /** Into each data root first. */
  readonly prepare?: (work: Work) => Promise<void>;
  /** Does it, and throws where what came of it is wrong. */
  readonly act: (work: Work) => Promise<void>;
  /** What is left after a failure and should not be. */
  readonly look: (work: Work) => Promise<readonly string[]>;
}

/** All cells, many at once: they mostly wait. */
export function runCells(
  cells: readonly Cell[],
  matrix: Matrix,
): ReadonlyMap<string, Promise<Outcome>> {
  const turns = new Turns(AT_ONCE);
  return new Map(
    cells.map((cell) => {
      const outcome = turns.take(() => outcomeOf(cell, matrix));
      outcome.catch(() => {}); // whoever asks for it is told
      return [cell.name, outcome];
    }),
  );
}

/** What is not as expected, and then all there is to know. */
export function complaints({ expected }: Cell, outcome: Outcome): string {
  const { ended, faults, hint, details, met } = outcome;
  const isError = ended !== "right";
  const wanted: readonly string[] = [expected].flat();
  const found = [
    ...faults,
    ...(wanted.includes(ended) ? [] : [`ends with ${ended}, not ${wanted.join(" or ")}`]),
    ...(met ? [] : ["never met the fault"]),
    ...(isError && typeof details["registry"] !== "string" ? ["names no registry"] : []),
    ...(NEEDS_HINT.has(ended) && !hint ? ["has no hint"] : []),
    ...(ended === "RATE_LIMITED" && details["retryAfterMs"] !== 3_600_000 ? ["no time"] : []),
  ];
  return found.length === 0 ? "" : [...found, JSON.stringify(outcome, undefined, 1)].join("\n");
}

async function outcomeOf(cell: Cell, matrix: Matrix): Promise<Outcome> {
  const proxy = await startFaultProxy(matrix.registry, { auth: LOGIN });
  const root = await temporaryFolder();
  await using engine = await openEngine({
    root,
    registries: { registries: { [proxy.host]: { timeouts: PATIENCE } } },
  });
  const told: object[] = [];
  const id = `cell-${randomBytes(6).toString("hex")}`;
  const work = { id, engine, proxy, onProgress: (progress: object) => void told.push(progress) };
  await matrix.prepare?.(work);
  proxy.clear();
  proxy.misbehave(...cell.faults);

  const began = performance.now();
  const error = await failureOf(matrix.act(work));
  const tookMs = performance.now() - began;
  const requests = proxy.seen.map(({ stage, status, fault }) => `${stage} ${status} ${fault}`);

  const met = cell.faults.every(({ at, does }) =>
    proxy.seen.some(({ stage, fault }) => fault === does.kind && [at].flat().includes(stage)),
  );

  const faults: string[] = [];
  if (tookMs > BOUND_MS) faults.push(`took ${tookMs} ms`);
  if (requests.length > matrix.mostRequests) faults.push(`asked ${requests.length} times`);
  if (error !== undefined) faults.push(...(await matrix.look(work)));
  const texts = [...textsOf(error), ...told.map((one) => JSON.stringify(one)), ...filesIn(root)];
  faults.push(...leaks(texts, proxy));
  // What went wrong is over: nothing of it is in the way.
  proxy.clear();
  const after = await failureOf(matrix.act(work));
  if (after !== undefined) faults.push(`fails for ever: ${textsOf(after)[0]}`);

  const known = isMarmitaError(error) ? error : undefined;
  return {
    ended: error === undefined ? "right" : (known?.code ?? inspect(error)),
    hint: known?.hint,
    details: known?.details ?? {},
    message: known?.message ?? "",
    faults,
    requests,
    met,
  };
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error;
  }
}

/** All that an error may show to somebody. */
function textsOf(error: unknown): readonly string[] {
  if (error === undefined) return [];
  return [inspect(error, { depth: 20, showHidden: true, maxStringLength: Infinity })];
}

/** Of a data root, whatever is in them. */
function filesIn(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("/layers"))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
}

function leaks(texts: readonly string[], proxy: FaultProxy): readonly string[] {
  return proxy.secrets.flatMap((secret) =>
    texts.filter((text) => text.includes(secret)).map((text) => `leaks ${secret}: ${text}`),
  );
}

/** So many at a time. */
class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(free: number) {
    this.#free = free;
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free--;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
