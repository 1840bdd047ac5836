/** `marmita run`: a container in the foreground. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Engine } from "../engine/engine.ts";
import { RawTerminal } from "../native/raw-terminal.ts";
import { NETWORK_LOST, type NetworkLoss } from "../runtime/network-state.ts";
import { attach, catchSignals, type ProxiedSignals } from "./attach.ts";
import { reserveCidFile } from "./cid-file.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { ForcedEnd } from "./forced-end.ts";
import { checkInputTerminal, hostSize, showOnHost } from "./host-terminal.ts";
import { showingPull } from "./implicit-pull.ts";
import { networkWarning } from "./network-flags.ts";
import { print, printError } from "./output.ts";
import { formatWarning } from "./report.ts";
import { RUN_FLAGS, RUN_REFUSED } from "./run-flags.ts";
import { runSettings, type RunSettings } from "./run-options.ts";
import { EXIT_OWN_FAILURE } from "./usage.ts";

export const run: Command = {
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  arguments: { min: 1 },
  flags: RUN_FLAGS,
  refused: RUN_REFUSED,
  stopsAtFirstArgument: true,
  failureCode: EXIT_OWN_FAILURE,
  async run({ flags, engine: options }) {
    const settings = runSettings(flags, process.env);
    const { detach, interactive, create } = settings;
    if (create.tty === true && interactive && !detach) checkInputTerminal(process.stdin);
    const signals = catchSignals({ proxy: settings.proxySignals });
    try {
      await using engine = await openCliEngine(options);
      if (detach) return await runDetached(engine, settings, signals.early);
      return await runInForeground(engine, settings, signals);
    } catch (error) {
      const signal: unknown = signals.early.reason;
      // Asked to end before there was anything to end: as if the command had got the signal.
      if (signals.early.aborted && typeof signal === "number") return 128 + signal;
      throw error;
    } finally {
      signals.stop();
    }
  },
};

const STDIN = 0;

/** A terminal that is raw does not begin a line by itself. */
function warn(message: string | undefined, raw?: RawTerminal): void {
  if (message === undefined) return;
  const text = formatWarning(message);
  printError(raw === undefined ? text : text.replaceAll("\n", "\r\n"));
}

async function runDetached(
  engine: Engine,
  settings: RunSettings,
  signal: AbortSignal,
): Promise<number> {
  using cidFile = reserveCidFile(settings.cidFile);
  const { container, isolation } = await showingPull(settings, (onPullProgress) =>
    engine.containers.createAndStart(settings.create, {
      detach: true,
      signal,
      onPullProgress,
      onCreated: (id) => cidFile.write(id),
    }),
  );
  warn(networkWarning(isolation));
  print(`${container.id}\n`);
  return 0;
}

async function runInForeground(
  engine: Engine,
  settings: RunSettings,
  signals: ProxiedSignals,
): Promise<number> {
  const { interactive, timeoutMs } = settings;
  const tty = settings.create.tty === true;
  const raw = tty && interactive ? new RawTerminal(STDIN) : undefined;
  const signal = signals.early;
  using cidFile = reserveCidFile(settings.cidFile);
  const { process: running, isolation } = await showingPull(settings, (onPullProgress) =>
    engine.containers.createAndStart(settings.create, {
      stdin: interactive ? "pipe" : "ignore",
      ...(tty && hostSize()),
      signal,
      onPullProgress,
      onCreated: (id) => cidFile.write(id),
      hostTerminal: raw && STDIN,
    }),
  );
  using forced = new ForcedEnd(running);
  warn(networkWarning(isolation));
  const onLoss = (loss: unknown) => warn(`network lost: ${(loss as NetworkLoss).reason}`, raw);
  subscribe(NETWORK_LOST, onLoss);
  if (tty) signals.hangUp(running);
  else signals.to(running, forced.byRequest);
  using _shown = tty ? showOnHost(running, raw) : undefined;
  forced.after(timeoutMs);
  try {
    const exitCode = await attach(running, process, { detachKeys: raw && settings.detachKeys });
    warn(forced.reason(exitCode), raw);
    return signals.hungUpBy === undefined ? exitCode : 128 + signals.hungUpBy;
  } finally {
    unsubscribe(NETWORK_LOST, onLoss);
  }
}
