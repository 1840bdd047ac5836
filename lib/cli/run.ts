/** `marmita run`: a container in the foreground. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Engine } from "../engine/engine.ts";
import { NETWORK_LOST, type NetworkLoss } from "../runtime/network-state.ts";
import { attach, catchSignals, type ProxiedSignals } from "./attach.ts";
import { reserveCidFile } from "./cid-file.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { networkWarning } from "./network-flags.ts";
import { printError } from "./output.ts";
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
    const signals = catchSignals({ proxy: settings.proxySignals });
    try {
      await using engine = await openCliEngine(options);
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

function warn(message: string | undefined): void {
  if (message !== undefined) printError(formatWarning(message));
}

async function runInForeground(
  engine: Engine,
  settings: RunSettings,
  signals: ProxiedSignals,
): Promise<number> {
  const { interactive, timeoutMs } = settings;
  const signal = signals.early;
  using cidFile = reserveCidFile(settings.cidFile);
  const { process: running, isolation } = await engine.containers.createAndStart(settings.create, {
    stdin: interactive ? "pipe" : "ignore",
    signal,
    onCreated: (id) => cidFile.write(id),
  });
  signals.to(running);
  warn(networkWarning(isolation));
  const onLoss = (loss: unknown) => warn(`network lost: ${(loss as NetworkLoss).reason}`);
  subscribe(NETWORK_LOST, onLoss);
  const timer =
    timeoutMs === undefined ? undefined : setTimeout(() => running.kill("SIGKILL"), timeoutMs);
  try {
    return await attach(running, process);
  } finally {
    clearTimeout(timer);
    unsubscribe(NETWORK_LOST, onLoss);
  }
}
