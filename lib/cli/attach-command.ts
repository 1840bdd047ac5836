/** `marmita attach`. */
import { catchSignals } from "./attach.ts";
import { attachInForeground } from "./attach-foreground.ts";
import type { Command } from "./command.ts";
import { DETACH_KEYS_FLAG, detachKeys } from "./detach-keys.ts";
import { openCliEngine } from "./engine.ts";
import { checkInputTerminal } from "./host-terminal.ts";
import { printError } from "./output.ts";

export const attachCommand: Command = {
  usage: "[OPTIONS] CONTAINER",
  arguments: { min: 1, max: 1 },
  flags: [
    DETACH_KEYS_FLAG,
    { name: "no-stdin", help: "Do not attach STDIN" },
    { name: "sig-proxy", help: "Proxy all received signals to the process (default true)" },
  ],
  refused: { switches: "latest|l" },
  async run({ flags, args: [name = ""], engine: options }) {
    const keys = detachKeys(flags, process.env);
    const signals = catchSignals({ proxy: true });
    try {
      await using engine = await openCliEngine(options);
      const container = await engine.containers.get(name);
      const { tty, openStdin } = container.record;
      const interactive = openStdin && !flags.has("no-stdin");
      if (tty && interactive) checkInputTerminal(process.stdin);
      await using running = await container.attach({
        stdin: interactive ? "pipe" : "ignore",
        signal: signals.early,
      });
      return await attachInForeground({
        running,
        tty,
        interactive,
        detachKeys: keys,
        proxySignals: flags.last("sig-proxy") !== "false",
        signals,
        onDetach: () => printError("read escape sequence\n"),
      });
    } catch (error) {
      const signal: unknown = signals.early.reason;
      if (signals.early.aborted && typeof signal === "number") return 128 + signal;
      throw error;
    } finally {
      signals.stop();
    }
  },
};
