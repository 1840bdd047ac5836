/** `marmita run`: a container in the foreground. */
import type { Container } from "../engine/container.ts";
import type { Engine } from "../engine/engine.ts";
import type { StartOptions } from "../engine/options.ts";
import type { RunningProcess } from "../runtime/process.ts";
import { attach, catchSignals, type ProxiedSignals } from "./attach.ts";
import { reserveCidFile } from "./cid-file.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { RUN_FLAGS, RUN_REFUSED, runSettings, type RunSettings } from "./run-options.ts";
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

async function runInForeground(
  engine: Engine,
  settings: RunSettings,
  signals: ProxiedSignals,
): Promise<number> {
  const { interactive, timeoutMs } = settings;
  const signal = signals.early;
  using cidFile = reserveCidFile(settings.cidFile);
  const container = await engine.containers.create({ ...settings.create, signal });
  cidFile.write(container.id);
  const running = await start(container, { stdin: interactive ? "pipe" : "ignore", signal });
  signals.to(running);
  const timer =
    timeoutMs === undefined ? undefined : setTimeout(() => running.kill("SIGKILL"), timeoutMs);
  try {
    return await attach(running, process);
  } finally {
    clearTimeout(timer);
  }
}

/** A container that is not to be kept is not kept when it does not start either. */
async function start(container: Container, options: StartOptions): Promise<RunningProcess> {
  try {
    return await container.start(options);
  } catch (error) {
    if (container.record.remove) await container.remove({ force: true });
    throw error;
  }
}
