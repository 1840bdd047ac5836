/** `marmita start`. */
import type { Container } from "../engine/container.ts";
import type { Engine } from "../engine/engine.ts";
import { MarmitaError, isMarmitaError } from "../errors.ts";
import { catchSignals, type ProxiedSignals } from "./attach.ts";
import { attachInForeground } from "./attach-foreground.ts";
import type { Command } from "./command.ts";
import { DETACH_KEYS_FLAG, detachKeys } from "./detach-keys.ts";
import { openCliEngine } from "./engine.ts";
import { checkInputTerminal, hostSize } from "./host-terminal.ts";
import { forAllNamed } from "./several.ts";

export const start: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arguments: { min: 1 },
  flags: [
    { name: "attach", short: "a", help: "Attach STDOUT/STDERR and forward signals" },
    DETACH_KEYS_FLAG,
    { name: "interactive", short: "i", help: "Attach container's STDIN" },
  ],
  refused: {
    switches: "all latest|l sig-proxy",
    values: "checkpoint checkpoint-dir filter|f",
  },
  async run({ flags, args, engine: options }) {
    const keys = detachKeys(flags, process.env);
    const isAttached = flags.has("attach") || flags.has("interactive");
    if (isAttached && args.length > 1) {
      throw new MarmitaError(
        "INVALID_ARGUMENT",
        "you cannot start and attach multiple containers at once",
      );
    }
    if (!isAttached) {
      await using engine = await openCliEngine(options);
      return await forAllNamed(args, async (name) => {
        await startInBackground(engine, name);
        return name;
      });
    }
    const signals = catchSignals({ proxy: true });
    try {
      await using engine = await openCliEngine(options);
      const container = await engine.containers.get(args[0] ?? "");
      const isTyping = flags.has("interactive");
      return await startInForeground(container, { isTyping, keys, signals });
    } catch (error) {
      const signal: unknown = signals.early.reason;
      if (signals.early.aborted && typeof signal === "number") return 128 + signal;
      throw error;
    } finally {
      signals.stop();
    }
  },
};

interface ForegroundStart {
  /** Our stdin is the container's, where that is open. */
  readonly isTyping: boolean;
  readonly keys: Uint8Array | undefined;
  readonly signals: ProxiedSignals;
}

/** Attached before its command begins: nothing of what it writes is missed. */
async function startInForeground(
  container: Container,
  { isTyping, keys, signals }: ForegroundStart,
): Promise<number> {
  const { tty, openStdin } = container.record;
  const interactive = isTyping && openStdin;
  if (tty && interactive) checkInputTerminal(process.stdin);
  const stdin = interactive ? "pipe" : "ignore";
  const signal = signals.early;
  const size = tty ? hostSize() : undefined;
  const running = await unlessRunning(
    container.start({ detach: true, stdin, stdout: "pipe", stderr: "pipe", ...size, signal }),
  );
  return attachInForeground({
    running: running ?? (await container.attach({ stdin, signal })),
    tty,
    interactive,
    detachKeys: keys,
    proxySignals: true,
    signals,
  });
}

async function startInBackground(engine: Engine, name: string): Promise<void> {
  const container = await engine.containers.get(name);
  await unlessRunning(container.start({ detach: true }));
}

/** One that runs is as it should be. */
async function unlessRunning<T>(starting: Promise<T>): Promise<T | undefined> {
  try {
    return await starting;
  } catch (error) {
    if (isMarmitaError(error, "CONFLICT") && error.details["state"] === "running") return undefined;
    throw error;
  }
}
