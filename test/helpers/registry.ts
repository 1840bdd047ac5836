/** Debian's docker-registry on loopback, over a storage of its own; it ends with the test file. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { type RequestOptions, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import { output } from "./command.ts";
import { eventually } from "./eventually.ts";
import { temporaryFolder } from "./folder.ts";
import { endsWithTests } from "./servers.ts";
import { requireProgram } from "./user-namespaces.ts";

/** Users with a password, or tokens of a server whose certificates are in the file. */
export type RegistryAuth =
  | { readonly users: Readonly<Record<string, string>> }
  | {
      readonly token: {
        readonly realm: string;
        readonly service: string;
        readonly issuer: string;
        /** PEM: what signs tokens. */
        readonly rootCertificates: string;
      };
    };

/** Paths of PEM files. */
export interface RegistryTls {
  readonly cert: string;
  readonly key: string;
  /** Clients must have a certificate of one of these. */
  readonly clientCa?: string;
  /** A client's own, for the helper's questions: needed with `clientCa`. */
  readonly client?: { readonly cert: string; readonly key: string };
}

export interface RegistryOptions {
  readonly auth?: RegistryAuth;
  readonly tls?: RegistryTls;
  /** Default: whichever is free. */
  readonly port?: number;
  /** Another registry's, to start over it again. Default: an empty one. */
  readonly storage?: string;
  /** Locations of uploads are paths without a host. */
  readonly relativeUrls?: boolean;
  /** The most names in one answer of the catalog. */
  readonly catalogEntries?: number;
  /** It only passes on what this one has: a mirror. */
  readonly mirrorOf?: string;
}

/** One line of the access log. */
export interface LoggedRequest {
  readonly method: string;
  /** With its query: `/v2/box/manifests/latest`. */
  readonly path: string;
  readonly status: number;
  /** Of the body that was sent. */
  readonly bytes: number;
  readonly userAgent: string;
}

/** Call at the top of a file of tests: skips them with the reason where it is not installed. */
export function requireRegistry(): boolean {
  return requireProgram("docker-registry");
}

export class TestRegistry {
  /** `127.0.0.1:5000`, the first part of image names. */
  readonly host: string;
  readonly port: number;
  /** `http://127.0.0.1:5000` */
  readonly url: string;
  readonly storage: string;
  readonly #process: ChildProcess;
  readonly #accessLog: string;
  readonly #options: RegistryOptions;

  constructor(running: Running, options: RegistryOptions) {
    this.port = running.port;
    this.host = `127.0.0.1:${running.port}`;
    this.url = `${options.tls === undefined ? "http" : "https"}://${this.host}`;
    this.storage = running.storage;
    this.#process = running.process;
    this.#accessLog = running.accessLog;
    this.#options = options;
  }

  /** All it has answered so far, in the order in which the answers ended. */
  async requests(): Promise<readonly LoggedRequest[]> {
    const mark = `/v2/?mark=${randomBytes(8).toString("hex")}`;
    // It is logged when it is over: whatever ended before stands above it.
    await this.#get(mark);
    const lines = await eventually("the mark in the access log", () => {
      const found = readFileSync(this.#accessLog, "utf8").split("\n");
      return found.some((line) => line.includes(mark)) ? found : undefined;
    });
    return lines.flatMap(parseLogLine).filter(({ path }) => !path.startsWith("/v2/?mark="));
  }

  /** How often a blob was asked for with GET, by digest. */
  async blobFetches(): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    for (const { method, path } of await this.requests()) {
      const digest = /\/blobs\/(sha256:[0-9a-f]{64})$/.exec(path)?.[1];
      if (method !== "GET" || digest === undefined) continue;
      counts.set(digest, (counts.get(digest) ?? 0) + 1);
    }
    return counts;
  }

  /** Kills it. Twice is fine. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }

  async #get(path: string): Promise<void> {
    const client = this.#options.tls?.client;
    const options: RequestOptions & { rejectUnauthorized?: boolean } = {
      agent: false,
      rejectUnauthorized: false,
      ...(client && { cert: readFileSync(client.cert), key: readFileSync(client.key) }),
    };
    const ask = this.#options.tls === undefined ? httpRequest : httpsRequest;
    await new Promise<void>((resolve, reject) => {
      const asking = ask(new URL(path, this.url), options, (response) => {
        response.on("end", resolve).on("error", reject).resume();
      });
      asking.on("error", reject).end();
    });
  }
}

interface Running {
  readonly process: ChildProcess;
  readonly port: number;
  readonly storage: string;
  readonly accessLog: string;
}

/** Resolves when it listens. */
export async function startRegistry(options: RegistryOptions = {}): Promise<TestRegistry> {
  const folder = await temporaryFolder();
  const storage = options.storage ?? join(folder, "storage");
  const accessLog = join(folder, "access.log");
  const errorLog = join(folder, "error.log");
  // YAML is a superset of JSON.
  const config = join(folder, "config.yml");
  writeFileSync(config, JSON.stringify(configOf(options, { folder, storage }), undefined, 2));

  // Files and no pipes: a test that waits for another program reads no pipe.
  const logs = [openSync(accessLog, "a"), openSync(errorLog, "a")] as const;
  // It goes with this process, also when that is killed.
  const words = ["--pdeathsig", "SIGKILL", "docker-registry", "serve", config];
  const child = spawn("setpriv", words, {
    stdio: ["ignore", ...logs],
    env: { PATH: process.env["PATH"] },
  });
  for (const descriptor of logs) closeSync(descriptor);

  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  endsWithTests(kill);
  const port = await portOf(child, errorLog);
  return new TestRegistry({ process: child, port, storage, accessLog }, options);
}

async function portOf(child: ChildProcess, errorLog: string): Promise<number> {
  return eventually(
    "docker-registry listens",
    () => {
      const log = readFileSync(errorLog, "utf8");
      if (child.exitCode !== null) throw new Error(`docker-registry has ended:\n${log}`);
      const port = /listening on 127\.0\.0\.1:(\d+)/.exec(log)?.[1];
      return port === undefined ? undefined : Number(port);
    },
    20_000,
  );
}

interface Places {
  readonly folder: string;
  readonly storage: string;
}

function configOf(options: RegistryOptions, { folder, storage }: Places): object {
  const { auth, tls, port = 0, relativeUrls = false, catalogEntries, mirrorOf } = options;
  return {
    version: "0.1",
    log: { level: "info", accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
    http: {
      addr: `127.0.0.1:${port}`,
      secret: "of no use to anybody",
      relativeurls: relativeUrls,
      ...(tls && {
        tls: {
          certificate: tls.cert,
          key: tls.key,
          ...(tls.clientCa !== undefined && { clientcas: [tls.clientCa] }),
        },
      }),
    },
    ...(auth && { auth: authConfigOf(auth, folder) }),
    ...(catalogEntries !== undefined && { catalog: { maxentries: catalogEntries } }),
    ...(mirrorOf !== undefined && { proxy: { remoteurl: mirrorOf } }),
  };
}

function authConfigOf(auth: RegistryAuth, folder: string): object {
  if ("users" in auth) {
    const path = join(folder, "htpasswd");
    const lines = Object.entries(auth.users).map(([name, word]) => `${name}:${bcrypt(word)}\n`);
    writeFileSync(path, lines.join(""), { mode: 0o600 });
    return { htpasswd: { realm: "Registry Realm", path } };
  }
  const { realm, service, issuer, rootCertificates } = auth.token;
  return { token: { realm, service, issuer, rootcertbundle: rootCertificates } };
}

/** The only hash it takes; the C library has it, and Perl asks the C library. */
function bcrypt(password: string): string {
  const salt = "$2b$04$abcdefghijklmnopqrstuu";
  return output(["perl", "-e", "print crypt($ARGV[0], $ARGV[1])", password, salt]);
}

// Apache's combined format.
const LINE = /^\S+ \S+ \S+ \[[^\]]*\] "(\S+) (\S+) HTTP\/[^"]*" (\d+) (\d+) "[^"]*" "([^"]*)"$/;

function parseLogLine(line: string): readonly LoggedRequest[] {
  const [, method, path, status, bytes, userAgent] = LINE.exec(line) ?? [];
  if (method === undefined || path === undefined || userAgent === undefined) return [];
  return [{ method, path, status: Number(status), bytes: Number(bytes), userAgent }];
}
