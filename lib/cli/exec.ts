/** `marmita exec`: one more command in a container that runs. */
import { Readable } from "node:stream";
import type { Container } from "../engine/container.ts";
import type { ExecSettings } from "../engine/exec-options.ts";
import { chunksOf } from "../runtime/capture.ts";
import { RawTerminal } from "../native/raw-terminal.ts";
import type { ExecProcess } from "../runtime/exec.ts";
import { attach, type Attachable, catchSignals, type ProxiedSignals } from "./attach.ts";
import type { Command } from "./command.ts";
import { DETACH_KEYS_FLAG, detachKeys } from "./detach-keys.ts";
import { openCliEngine } from "./engine.ts";
import type { ParsedFlags } from "./flags.ts";
import { checkInputTerminal, hostSize, showOnHost } from "./host-terminal.ts";
import { environment, parseKeyValue } from "./key-values.ts";
import { readPairs } from "./run-options.ts";

export const exec: Command = {
  usage: "[OPTIONS] CONTAINER COMMAND [ARG...]",
  arguments: { min: 2 },
  flags: [
    DETACH_KEYS_FLAG,
    { name: "detach", short: "d", help: "Detached mode: run command in the background" },
    { name: "env", short: "e", value: "list", help: "Set environment variables" },
    { name: "env-file", value: "list", help: "Read in a file of environment variables" },
    {
      name: "interactive",
      short: "i",
      help: "Pass STDIN on; without it the command reads nothing",
    },
    { name: "tty", short: "t", help: "Allocate a pseudo-TTY" },
    {
      name: "user",
      short: "u",
      value: "string",
      help: "Username or UID (format: <name|uid>[:<group|gid>])",
    },
    {
      name: "workdir",
      short: "w",
      value: "string",
      help: "Working directory inside the container",
    },
  ],
  refused: {
    switches: "latest|l no-session privileged wait",
    values: "cidfile preserve-fd preserve-fds",
  },
  stopsAtFirstArgument: true,
  async run({ flags, args: [name = "", ...command], engine: options }) {
    const isDetached = flags.has("detach");
    const interactive = flags.has("interactive") && !isDetached;
    const tty = flags.has("tty");
    if (tty && interactive) checkInputTerminal(process.stdin);
    const keys = detachKeys(flags, process.env);
    const signals = catchSignals({ proxy: true });
    try {
      await using engine = await openCliEngine(options);
      const container = await engine.containers.get(name);
      const settings = execSettings(flags);
      if (!isDetached) {
        return await inForeground(container, { command, settings, interactive, signals, keys });
      }
      await container.execDetached(command, settings);
      return 0;
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

function execSettings(flags: ParsedFlags): ExecSettings {
  const pairs = [...flags.map("env-file", readPairs).flat(), ...flags.map("env", parseKeyValue)];
  const user = flags.last("user") ?? "";
  const workdir = flags.last("workdir") ?? "";
  return {
    env: environment(pairs, process.env),
    ...(flags.has("tty") && { tty: true }),
    ...(user !== "" && { user }),
    ...(workdir !== "" && { workdir }),
  };
}

const STDIN = 0;

interface Foreground {
  readonly command: readonly string[];
  readonly settings: ExecSettings;
  readonly interactive: boolean;
  readonly signals: ProxiedSignals;
  readonly keys: Uint8Array | undefined;
}

async function inForeground(
  container: Container,
  { command, settings, interactive, signals, keys }: Foreground,
): Promise<number> {
  const { tty = false } = settings;
  const raw = tty && interactive ? new RawTerminal(STDIN) : undefined;
  await using running = await container.startExec(command, {
    ...settings,
    stdin: interactive ? "pipe" : "ignore",
    ...(tty && hostSize()),
    signal: signals.early,
    ...(raw !== undefined && { hostTerminal: STDIN }),
  });
  if (tty) signals.hangUp(running);
  else signals.to(running);
  using _shown = tty ? showOnHost(running, raw) : undefined;
  const exitCode = await attach(tty ? running : untilItsEnd(running), process, {
    detachKeys: raw && keys,
  });
  return signals.hungUpBy === undefined ? exitCode : 128 + signals.hungUpBy;
}

/** What it leaves behind in the container may hold its streams open: that is not waited for. */
function untilItsEnd(running: ExecProcess): Attachable {
  const until = (stream: Readable | undefined) => {
    return stream && Readable.from(chunksOf(stream, running.wait()), { highWaterMark: 1 });
  };
  return {
    stdin: running.stdin,
    stdout: until(running.stdout),
    stderr: until(running.stderr),
    wait: () => running.wait(),
    kill: (signal) => running.kill(signal),
  };
}
