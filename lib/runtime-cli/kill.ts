/** `marmita-runtime kill`. */
import { killContainer } from "../bundles/kill.ts";
import { UsageError } from "../cli/usage.ts";
import { parseSignal } from "../runtime/signals.ts";
import type { RuntimeCommand } from "./command.ts";

export const kill: RuntimeCommand = {
  usage: "[OPTIONS] CONTAINER [SIGNAL]",
  about: [
    'SIGNAL is a name or a number: "KILL", "SIGKILL", "9"; 0 only asks whether the process is ' +
      "there. Default: TERM.",
  ],
  arguments: { min: 1, max: 2 },
  flags: [{ name: "all", short: "a", help: "Send it to all processes of the container" }],
  refused: { switches: "regex|r" },
  async run({ flags, args: [id = "", signal = "TERM"], global: { root } }) {
    await killContainer(id, readSignal(signal), { root, all: flags.has("all") });
    return 0;
  },
};

/** 0 is none, and asks whether somebody would get one (kill(2)). */
function readSignal(text: string): number {
  const number = text === "0" ? 0 : parseSignal(text);
  if (number !== undefined) return number;
  throw new UsageError(`unknown signal ${JSON.stringify(text)}`, { form: "refusal" });
}
