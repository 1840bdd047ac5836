/** TLS with a registry: whose word counts for its certificate, and what we show of ourselves. */
import { readFile, readdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { type SecureContext, createSecureContext, rootCertificates } from "node:tls";
import { MarmitaError } from "../errors.ts";
import { errnoWords } from "../util/errno.ts";
import { errnoOf } from "../util/system-error.ts";
import { configHome } from "./configuration.ts";
import type { Endpoint } from "./endpoints.ts";
import { codeOf } from "./request-failure.ts";

/** PEM, not parsed yet. */
export interface TlsFiles {
  /** Empty: nobody but those who count everywhere. */
  readonly authorities: readonly PemFile[];
  readonly client: { readonly cert: PemFile; readonly key: PemFile } | undefined;
}

interface PemFile {
  readonly path: string;
  readonly text: string;
}

/**
 * Who may vouch: `own` are the authorities configured for the registry, or where there are none
 * those of Node; `all` are these, the system's and the registry's own together, which take 20 ms to
 * read: so only where the others do not suffice.
 */
export type Trust = "own" | "all";

/** Where distributions keep the authorities that the administrator trusts: Debian, Fedora, Alpine. */
const SYSTEM_BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** Verification failed for want of somebody who vouches: another trust may help. */
const UNKNOWN_ISSUER = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

export function isUnknownIssuer(error: unknown): boolean {
  return UNKNOWN_ISSUER.has(codeOf(error));
}

/**
 * What is configured for the registry, else in `certs.d/<host>` of Podman and Docker, as they have
 * it: `*.crt` vouch, `*.cert` with a `*.key` of the same name are ours to show.
 */
export async function readTlsFiles(endpoint: Endpoint, env: NodeJS.ProcessEnv): Promise<TlsFiles> {
  const { ca, cert, key } = endpoint.tls;
  const found = await readDirectories(directoriesOf(endpoint, env));
  const authorities = ca === undefined ? found.authorities : [await readPem(ca)];
  if (cert === undefined || key === undefined) return { authorities, client: found.client };
  return { authorities, client: { cert: await readPem(cert), key: await readPem(key) } };
}

export interface ContextOptions {
  readonly trust: Trust;
  readonly withClient: boolean;
  readonly env: NodeJS.ProcessEnv;
}

/** `withClient` is for the registry itself, not for where it redirects to. */
export async function secureContext(
  files: TlsFiles,
  { trust, withClient, env }: ContextOptions,
): Promise<SecureContext> {
  const own = files.authorities.map(({ text }) => text);
  const ca = trust === "own" ? own : [...(await everybodysAuthorities(env)), ...own];
  const { client } = files;
  try {
    return createSecureContext({
      ...(ca.length > 0 && { ca }),
      ...(withClient && client && { cert: client.cert.text, key: client.key.text }),
    });
  } catch (cause) {
    throw unusable(files, cause);
  }
}

/** Those of Node, of the system, and of NODE_EXTRA_CA_CERTS, which Node takes for its own alone. */
async function everybodysAuthorities(env: NodeJS.ProcessEnv): Promise<readonly string[]> {
  const asked = [env["SSL_CERT_FILE"], env["NODE_EXTRA_CA_CERTS"]];
  const bundle = await firstOf(SYSTEM_BUNDLES);
  const texts = await Promise.all(asked.map((path) => readQuietly(path)));
  // The system's are Mozilla's, as Node's are, and whatever the administrator did about them.
  const base = bundle === undefined ? rootCertificates : [bundle];
  return [...base, ...texts.filter((text) => text !== undefined)];
}

async function firstOf(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const text = await readQuietly(path);
    if (text !== undefined) return text;
  }
  return undefined;
}

async function readQuietly(path: string | undefined): Promise<string | undefined> {
  if (path === undefined || path === "") return undefined;
  try {
    const text = await readFile(path, "utf8");
    return text.includes("-----BEGIN") ? text : undefined;
  } catch {
    return undefined;
  }
}

/** The user's before the machine's. Docker Hub's go by any of its names. */
function directoriesOf(endpoint: Endpoint, env: NodeJS.ProcessEnv): readonly string[] {
  const config = configHome(env);
  const dot = join(env["HOME"] ?? homedir(), ".config");
  const roots = [
    join(config, "containers"),
    join(config, "docker"),
    join(dot, "containers"),
    join(dot, "docker"),
    "/etc/containers",
    "/etc/docker",
  ];
  const hosts = new Set([endpoint.host, endpoint.base.host]);
  const all = roots.flatMap((root) => [...hosts].map((host) => join(root, "certs.d", host)));
  return [...new Set(all)];
}

async function readDirectories(directories: readonly string[]): Promise<TlsFiles> {
  const authorities: PemFile[] = [];
  let client: TlsFiles["client"];
  for (const directory of directories) {
    const names = await namesIn(directory);
    for (const name of names.filter((one) => one.endsWith(".crt"))) {
      authorities.push(await readPem(join(directory, name)));
    }
    const [cert] = names.filter((one) => one.endsWith(".cert"));
    if (cert === undefined || client !== undefined) continue;
    const key = `${cert.slice(0, -".cert".length)}.key`;
    client = {
      cert: await readPem(join(directory, cert)),
      key: await readPem(join(directory, key)),
    };
  }
  return { authorities, client };
}

/** Absent, or not ours to look into: then it is not meant for us. */
async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).toSorted();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR" || errno === "EACCES") return [];
    throw error;
  }
}

async function readPem(path: string): Promise<PemFile> {
  try {
    return { path, text: await readFile(path, "utf8") };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    throw new MarmitaError("UNAVAILABLE", `read ${path}: ${errnoWords(errno)}`, {
      cause: error,
      errno,
      hint: "A certificate goes with a key of the same name: client.cert, client.key.",
      details: { path },
    });
  }
}

function unusable({ authorities, client }: TlsFiles, cause: unknown): MarmitaError {
  const all = [...authorities, ...(client === undefined ? [] : [client.cert, client.key])];
  const paths = all.map(({ path }) => path);
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new MarmitaError("INVALID_ARGUMENT", `${paths.join(", ")}: ${reason}`, {
    cause,
    hint: "They have to be PEM files, keys without a passphrase, and go together.",
    details: { paths },
  });
}
