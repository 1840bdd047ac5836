/** A container's process on its way to where tests can use it, and to its end. */
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { type Container, MarmitaError, type StartedContainer } from "../index.ts";
import { parseSignal } from "../runtime/signals.ts";

export interface ReadyOptions {
  /**
   * Called again and again until it neither throws nor resolves to `false`: only then tests get the
   * container. Default: as soon as its command has begun.
   */
  readonly ready?: (container: Container) => unknown;
  /** How long that may take. Default: 30,000. */
  readonly readyTimeoutMs?: number;
}

const READY_TIMEOUT_MS = 30_000;
const BETWEEN_TRIES_MS = 20;
const STOP_TIMEOUT_MS = 10_000;
/** What of a container's output an error quotes. */
const QUOTED_CHARACTERS = 4_096;

/** Throws when the container ends before, or takes too long: with what it printed. */
export async function getReady(
  { container, process }: StartedContainer,
  { ready, readyTimeoutMs = READY_TIMEOUT_MS }: ReadyOptions,
): Promise<void> {
  const printed = [process.stdout, process.stderr].map(lastOf);
  if (ready === undefined) return;
  const deadline = performance.now() + readyTimeoutMs;
  const quoted = () => printed.map((last) => last()).join("");
  let isOver = false;
  const over = (): void => void (isOver = true);
  process.wait().then(over, over);
  for (;;) {
    const cause = await attempt(ready, container);
    if (cause === undefined) return;
    if (isOver) throw notReady(container, "its process has ended", { cause, printed: quoted() });
    if (performance.now() > deadline) {
      const why = `not within ${readyTimeoutMs} ms`;
      throw notReady(container, why, { cause, printed: quoted() });
    }
    await delay(BETWEEN_TRIES_MS);
  }
}

/** Why it is not ready; `undefined` when it is. */
async function attempt(ready: (one: Container) => unknown, container: Container): Promise<unknown> {
  try {
    const answer = await ready(container);
    return answer === false ? new Error('"ready" says it is not') : undefined;
  } catch (error) {
    return error ?? new Error('"ready" failed');
  }
}

interface NotReady {
  readonly cause: unknown;
  readonly printed: string;
}

function notReady(
  { id, name }: Container,
  why: string,
  { cause, printed }: NotReady,
): MarmitaError {
  const last = printed === "" ? "" : `; the last it printed:\n${printed}`;
  return new MarmitaError("UNAVAILABLE", `container ${name} is not ready: ${why}${last}`, {
    cause,
    details: { container: id, printed },
  });
}

/** Reads all of it, so that nobody waits for a reader, and keeps the end. */
function lastOf(stream: Readable | undefined): () => string {
  let last = "";
  stream?.setEncoding("utf8").on("data", (text: string) => {
    last = (last + text).slice(-QUOTED_CHARACTERS);
  });
  stream?.on("error", () => undefined); // its end is all that this says
  return () => last;
}

/** As `stop` does: what it has in memory may belong on disk. */
export async function endGently({ container, process }: StartedContainer): Promise<void> {
  const { confinement, inherited } = container.record;
  const asked = confinement.stopSignal ?? inherited.StopSignal ?? "SIGTERM";
  process.kill(parseSignal(asked) ?? "SIGTERM");
  const timer = setTimeout(() => process.kill("SIGKILL"), STOP_TIMEOUT_MS);
  try {
    await process.wait();
  } finally {
    clearTimeout(timer);
  }
}
