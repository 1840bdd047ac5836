/** The instruction HEALTHCHECK: `--interval=5s CMD curl …`, `NONE`. */
import type { Healthcheck } from "../oci/image-config.ts";

/** In nanoseconds, as image configs have them. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3_600e9,
};

const DURATIONS = {
  interval: "Interval",
  timeout: "Timeout",
  "start-period": "StartPeriod",
  "start-interval": "StartInterval",
} as const;

/** `parseCommand` tells the JSON form from a line for the shell. Throws `SyntaxError`. */
export function parseHealthcheck(
  text: string,
  parseCommand: (text: string) => readonly string[],
): Healthcheck {
  const { flags, rest } = takeFlags(text);
  const [, kind = "", command = ""] = /^(\S*)\s*([^]*)$/.exec(rest) ?? [];
  if (kind.toUpperCase() === "NONE") {
    if (command !== "" || flags.length > 0) throw new SyntaxError("NONE takes no arguments");
    return { Test: ["NONE"] };
  }
  if (kind.toUpperCase() !== "CMD") throw new SyntaxError(`expected CMD or NONE, got "${kind}"`);
  if (command === "") throw new SyntaxError("CMD needs a command");
  const words = parseCommand(command);
  // A list is executed; a line goes to the shell, which the runtime adds itself.
  const test = words.at(-1) === command ? ["CMD-SHELL", command] : ["CMD", ...words];
  return flags.reduce<Healthcheck>(
    (check, [name, value]) => ({ ...check, ...parseFlag(name, value) }),
    { Test: test },
  );
}

function takeFlags(text: string): { flags: readonly [string, string][]; rest: string } {
  const flags: [string, string][] = [];
  let rest = text;
  for (;;) {
    const [whole, name = "", value = ""] = /^--([a-z-]+)=(\S*)\s*/.exec(rest) ?? [];
    if (whole === undefined) return { flags, rest };
    flags.push([name, value]);
    rest = rest.slice(whole.length);
  }
}

function parseFlag(name: string, value: string): Healthcheck {
  if (name === "retries") {
    if (!/^\d{1,9}$/.test(value)) throw new SyntaxError(`--retries=${value} is not a number`);
    return { Retries: Number(value) };
  }
  for (const [flag, field] of Object.entries(DURATIONS)) {
    if (flag === name) return { [field]: parseDuration(name, value) };
  }
  throw new SyntaxError(`there is no flag --${name}`);
}

/** `1m30s`, `500ms`, `0`. */
function parseDuration(name: string, text: string): number {
  if (text === "0") return 0;
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) {
    throw new SyntaxError(`--${name}=${text} is not a duration such as 30s`);
  }
  let total = 0;
  for (const [, count = "", unit = ""] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(count) * (UNITS[unit] ?? 0);
  }
  if (total < 1e6) throw new SyntaxError(`--${name}=${text} is less than a millisecond`);
  return Math.round(total);
}
