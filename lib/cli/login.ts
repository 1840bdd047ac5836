/** `marmita login`. */
import { isatty } from "node:tty";
import { text } from "node:stream/consumers";
import { createReadStream } from "node:fs";
import type { Engine } from "../engine/engine.ts";
import type { LoggedIn } from "../engine/login-options.ts";
import { MarmitaError, isMarmitaError } from "../errors.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import type { Flag, ParsedFlags } from "./flags.ts";
import { interruptible } from "./interruption.ts";
import { print, printError } from "./output.ts";
import { Prompter } from "./prompt.ts";
import { REGISTRY_FLAGS, registryAccess } from "./registry-flags.ts";
import { visible } from "./visible.ts";

export const HUB = "docker.io";

/** Of login and logout: the one place, where others look into several. */
export const AUTH_FILE: Flag = {
  name: "authfile",
  value: "string",
  help: "File that keeps the credentials (default $REGISTRY_AUTH_FILE, else Docker's config.json)",
};

export const login: Command = {
  usage: "[OPTIONS] [SERVER]",
  arguments: { min: 0, max: 1 },
  flags: [
    {
      name: "password",
      short: "p",
      value: "string",
      help: "Password or Personal Access Token (PAT)",
    },
    {
      name: "password-stdin",
      help: "Take the Password or Personal Access Token (PAT) from stdin",
    },
    { name: "username", short: "u", value: "string", help: "Username" },
    ...REGISTRY_FLAGS.filter(({ name }) => name !== AUTH_FILE.name),
    AUTH_FILE,
  ],
  refused: { switches: "get-login verbose|v", values: "cert-dir compat-auth-file secret" },
  async run(call) {
    const given = checked(call.flags);
    return interruptible(async (signal) => {
      await using engine = await openCliEngine(call.engine);
      const how = { ...registryAccess(call.flags), signal };
      const [registry = HUB] = call.args;
      const loggedIn = await logIn({ engine, registry, how, given });
      print("Login Succeeded\n");
      if (loggedIn.isNew && loggedIn.helper === undefined) printError(warning(loggedIn.path));
    });
  },
};

/** What the flags say; the password may be on stdin. */
interface Given {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly isOnStdin: boolean;
}

interface LogIn {
  readonly engine: Engine;
  readonly registry: string;
  readonly how: { readonly tlsVerify?: boolean; readonly signal: AbortSignal };
  readonly given: Given;
}

async function logIn({ engine, registry, how, given }: LogIn): Promise<LoggedIn> {
  const { username } = given;
  const password = given.isOnStdin ? await passwordOnStdin(how.signal) : given.password;
  if (username !== undefined && password !== undefined) {
    return engine.login(registry, { ...how, username, password });
  }
  if (username === undefined && password === undefined) {
    const again = await loginAgain(engine, registry, how);
    if (again !== undefined) return again;
  }
  if (!isatty(0)) {
    throw new MarmitaError(
      "INVALID_ARGUMENT",
      "cannot perform an interactive login from a non TTY device",
      { hint: "Name the user with --username, and pipe the password to --password-stdin." },
    );
  }
  const asked = await ask({ username, password }, how.signal);
  return engine.login(registry, { ...how, ...asked });
}

/** `undefined` where nobody is logged in, or what is kept is not taken any more. */
async function loginAgain(
  engine: Engine,
  registry: string,
  how: LogIn["how"],
): Promise<LoggedIn | undefined> {
  try {
    const loggedIn = await engine.login(registry, how);
    const { username } = loggedIn;
    const who = username === undefined ? "" : ` [Username: ${visible(username)}]`;
    printError(`Authenticating with existing credentials...${who}\n`);
    return loggedIn;
  } catch (error) {
    if (isMarmitaError(error, "UNAUTHORIZED")) return undefined;
    throw error;
  }
}

async function ask(
  given: Partial<Record<"username" | "password", string | undefined>>,
  signal: AbortSignal,
): Promise<{ readonly username: string; readonly password: string }> {
  using prompter = new Prompter(signal);
  const username = given.username ?? (await prompter.ask({ prompt: "Username: " })).trim();
  if (username === "") throw new MarmitaError("INVALID_ARGUMENT", "username is empty");
  const password = given.password ?? (await prompter.ask({ prompt: "Password: ", isSecret: true }));
  if (password === "") throw new MarmitaError("INVALID_ARGUMENT", "password is empty");
  return { username, password };
}

/** As Docker takes it: one end of a line at its end does not belong to it. */
async function passwordOnStdin(signal: AbortSignal): Promise<string> {
  const input = await text(
    createReadStream("", { fd: 0, autoClose: false, end: LONGEST_PASSWORD, signal }),
  );
  const password = input.replace(/\r?\n$/, "");
  if (password === "") throw new MarmitaError("INVALID_ARGUMENT", "the password on stdin is empty");
  return password;
}

const LONGEST_PASSWORD = 1024 * 1024;

function checked(flags: ParsedFlags): Given {
  const username = flags.last("username");
  const password = flags.last("password");
  const isOnStdin = flags.has("password-stdin");
  if (password !== undefined && isOnStdin) {
    throw wrong("conflicting options: cannot specify both --password and --password-stdin");
  }
  if (isOnStdin && username === undefined) {
    throw wrong("the --password-stdin option requires --username to be set");
  }
  if (username === "") throw wrong("username is empty");
  if (password === "") throw wrong("password is empty");
  if (password !== undefined) {
    const insecure = "Using --password via the CLI is insecure. Use --password-stdin.";
    printError(`WARNING! ${insecure}\n`);
  }
  return { username, password, isOnStdin };
}

function wrong(message: string): MarmitaError {
  return new MarmitaError("INVALID_ARGUMENT", message);
}

/** The first line is Docker's. */
function warning(path: string): string {
  return `WARNING! Your credentials are stored unencrypted in '${visible(path)}'.
A credential helper would keep them safe; docs/credentials.md tells how to name one.
`;
}
