/** Programs that keep credentials: `docker-credential-NAME`, in Docker's protocol. */
import { MarmitaError } from "../errors.ts";
import { abortError, throwIfAborted } from "../util/abort.ts";
import { type JsonObject, isJsonObject } from "../util/json.ts";
import { SharedWork } from "../util/shared-work.ts";
import { type Credentials, type Environment, TOKEN_USER, namedOrToken } from "./credentials.ts";

export interface AskOptions {
  readonly env: Environment;
  readonly signal?: AbortSignal | undefined;
  /** Some ask a person first. Default: 2 minutes. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 120_000;
const MOST_BYTES = 1024 * 1024;
const LONGEST_REASON = 200;

/** How the helpers there are say that they have nothing. */
const NOTHING = /credentials not found|no credentials (server URL|username)/i;

/** Many pulls at once ask once. */
const asking = new SharedWork<Credentials | undefined>();

/** `undefined` when it has none. Throws `UNAVAILABLE` when it cannot be asked, `CORRUPT`. */
export async function askHelper(
  helper: string,
  server: string,
  options: AskOptions,
): Promise<Credentials | undefined> {
  const key = JSON.stringify([helper, server, options.env]);
  return asking.do(key, (signal) => get(helper, server, { ...options, signal }), options.signal);
}

/** Throws `UNAVAILABLE` when it does not keep them. */
export async function storeInHelper(
  helper: string,
  { server, credentials }: { readonly server: string; readonly credentials: Credentials },
  options: AskOptions,
): Promise<void> {
  const input = JSON.stringify({ ServerURL: server, ...recordOf(credentials) });
  await call({ helper, verb: "store", input }, options);
}

/** Fine when it has none. */
export async function eraseFromHelper(
  helper: string,
  server: string,
  options: AskOptions,
): Promise<void> {
  await call({ helper, verb: "erase", input: server }, options);
}

async function get(
  helper: string,
  server: string,
  options: AskOptions,
): Promise<Credentials | undefined> {
  const output = await call({ helper, verb: "get", input: server }, options);
  if (output === undefined) return undefined;
  const answer = parse(output, helper);
  const username = answer["Username"] ?? "";
  const secret = answer["Secret"] ?? "";
  if (typeof username !== "string" || typeof secret !== "string") throw nonsense(helper);
  return username === "" && secret === "" ? undefined : namedOrToken(username, secret);
}

/** A token stands in the place of the password, under a name that says so. */
function recordOf(credentials: Credentials): { Username: string; Secret: string } {
  if ("username" in credentials) {
    return { Username: credentials.username, Secret: credentials.password };
  }
  const secret =
    "identityToken" in credentials ? credentials.identityToken : credentials.registryToken;
  return { Username: TOKEN_USER, Secret: secret };
}

interface HelperCall {
  readonly helper: string;
  readonly verb: "get" | "store" | "erase";
  readonly input: string;
}

interface HelperEnd {
  readonly error: Error | null;
  readonly stdout: string;
}

/** What it printed; `undefined` when it said that there is nothing. */
async function call(asked: HelperCall, options: AskOptions): Promise<string | undefined> {
  const { env, signal, timeoutMs = TIMEOUT_MS } = options;
  const program = programOf(asked.helper);
  throwIfAborted(signal);
  const { execFile } = await import("node:child_process"); // few have helpers
  const end = await new Promise<HelperEnd>((resolve) => {
    const settings = { env: { ...env }, timeout: timeoutMs, maxBuffer: MOST_BYTES, signal };
    const child = execFile(program, [asked.verb], settings, (error, stdout) => {
      resolve({ error, stdout });
    });
    child.stdin?.on("error", () => undefined); // it need not read all of it
    child.stdin?.end(asked.input);
  });
  if (end.error === null) return end.stdout;
  if (signal?.aborted === true) throw abortError(signal);
  if (NOTHING.test(end.stdout)) return undefined;
  throw failed(asked, end);
}

/** A name with a slash would be a path of somebody else's choice. */
export function programOf(helper: string): string {
  if (/^[\w.-]+$/.test(helper)) return `docker-credential-${helper}`;
  throw new MarmitaError(
    "INVALID_ARGUMENT",
    `"${helper.slice(0, 100)}" is not the name of a credential helper`,
    {
      hint: "credsStore and credHelpers name what follows docker-credential- in a program's name.",
    },
  );
}

/** Of what it printed nothing is told. */
function parse(output: string, helper: string): JsonObject {
  let content: unknown;
  try {
    content = JSON.parse(output);
  } catch {
    throw nonsense(helper);
  }
  if (!isJsonObject(content)) throw nonsense(helper);
  return content;
}

function nonsense(helper: string): MarmitaError {
  return new MarmitaError("CORRUPT", `what ${programOf(helper)} has printed are no credentials`, {
    details: { helper: programOf(helper) },
  });
}

/** A helper says on stdout why it failed. Whatever else it printed may be secret. */
function failed({ helper, verb }: HelperCall, { error, stdout }: HelperEnd): MarmitaError {
  const program = programOf(helper);
  const code: unknown = error === null ? undefined : Reflect.get(error, "code");
  if (code === "ENOENT" || code === "EACCES") {
    return new MarmitaError("UNAVAILABLE", `the credential helper ${program} cannot be started`, {
      cause: error,
      errno: code,
      hint: "Install it, or take its name from credsStore and credHelpers in Docker's config.json.",
      details: { helper: program },
    });
  }
  // One that was killed, for it printed without an end perhaps, has not told why.
  const [line = ""] = typeof code === "number" ? stdout.trim().split("\n", 1) : [];
  const reason =
    line === "" || /[{}]|secret/i.test(line) || verb === "store"
      ? ""
      : `: ${line.slice(0, LONGEST_REASON)}`;
  const how =
    error !== null && Reflect.get(error, "killed") === true ? "did not answer in time" : "failed";
  const what = `the credential helper ${program} ${how} at "${verb}"${reason}`;
  return new MarmitaError("UNAVAILABLE", what, { details: { helper: program, verb } });
}
