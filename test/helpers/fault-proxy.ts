/**
 * A proxy before a registry that misbehaves on order, so often and at such a stage as it is told,
 * and tells what it saw. With `auth` it asks for tokens, and gives them itself, so that every
 * secret there is can be looked for in what a client tells.
 */
import { randomBytes } from "node:crypto";
import {
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestListener,
  type Server,
  type ServerResponse,
  createServer,
  request,
} from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream";
import { buffer } from "node:stream/consumers";
import {
  type Exchange,
  type Misdeed,
  isOfRequest,
  misbehaveAtOnce,
  refusal,
  send,
  spoiled,
} from "./registry-misdeeds.ts";
import { type Stage, stageOf } from "./registry-stages.ts";
import { endsWithTests } from "./servers.ts";

export interface Fault {
  readonly at: Stage | readonly Stage[];
  readonly does: Misdeed;
  /** Default 1. */
  readonly times?: number;
  /** So many requests of the stage are served well before. */
  readonly after?: number;
}

export interface Seen {
  readonly stage: Stage;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly authorization: "none" | "Basic" | "Bearer";
  readonly range: string | undefined;
  /** 0: there was none. */
  readonly status: number;
  /** Of the answer's body, as far as it was sent. */
  readonly bytes: number;
  readonly fault: Misdeed["kind"] | undefined;
}

export interface FaultProxyOptions {
  readonly auth?: { readonly username: string; readonly password: string };
}

/** `registry`: the URL of one that asks for no credentials. */
export async function startFaultProxy(
  registry: string,
  options: FaultProxyOptions = {},
): Promise<FaultProxy> {
  const proxy = new FaultProxy(new URL(registry), options);
  await proxy.listen();
  return proxy;
}

/** While it is found out. */
type Told = { -readonly [Key in keyof Seen]: Seen[Key] };

export class FaultProxy {
  /** All requests so far, in the order in which they came. */
  readonly seen: Seen[] = [];
  /** What nobody may ever tell: the password, tokens, signatures. */
  readonly secrets: readonly string[];
  readonly #registry: URL;
  readonly #auth: FaultProxyOptions["auth"];
  readonly #token = `token-${randomBytes(12).toString("hex")}`;
  readonly #signature = `signature-${randomBytes(12).toString("hex")}`;
  readonly #configs = new Set<string>();
  #faults: { fault: Fault; after: number; times: number }[] = [];
  #ports = { registry: 0, elsewhere: 0 };

  constructor(registry: URL, { auth }: FaultProxyOptions) {
    this.#registry = registry;
    this.#auth = auth;
    this.secrets = [this.#token, this.#signature, ...(auth ? [auth.password, basic(auth)] : [])];
  }

  async listen(): Promise<void> {
    const registry = await served((asked, answer) => this.#serve(asked, answer));
    const elsewhere = await served((asked, answer) => this.#serveElsewhere(asked, answer));
    this.#ports = { registry, elsewhere };
  }

  /** `127.0.0.1:5000`, the first part of image names. */
  get host(): string {
    return `127.0.0.1:${this.#ports.registry}`;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  /** From now on, besides those before. */
  misbehave(...faults: readonly Fault[]): void {
    for (const fault of faults) {
      this.#faults.push({ fault, after: fault.after ?? 0, times: fault.times ?? 1 });
    }
  }

  /** From now on it behaves, and has seen nothing. */
  clear(): void {
    this.#faults = [];
    this.seen.length = 0;
  }

  /** How often it was asked. */
  count(...stages: readonly Stage[]): number {
    return this.seen.filter(({ stage }) => stages.includes(stage)).length;
  }

  #serve(asked: IncomingMessage, answer: ServerResponse): void {
    const url = new URL(asked.url ?? "/", this.url);
    const stage = stageOf(asked.method ?? "", url, this.#configs);
    const told = this.#tell(stage, asked, answer);
    if (stage !== "ping" && stage !== "token" && !this.#isAllowed(asked)) {
      return this.#challenge(url, answer);
    }
    const does = this.#next(stage);
    told.fault = does?.kind;
    if (does !== undefined && misbehaveAtOnce(does, answer, told)) {
      asked.resume();
      return;
    }
    if (does?.kind === "redirect") {
      asked.resume();
      const location = does.to ?? this.#elsewhere(url);
      answer.writeHead(307, { location }).end();
    } else if (stage === "token") {
      this.#giveToken(asked, answer, does);
    } else if (stage === "ping" && !this.#isAllowed(asked)) {
      this.#challenge(url, answer);
    } else {
      this.#forward({ asked, answer, told, does }, asked.url ?? "/");
    }
  }

  /** What a registry's storage does: only the signature counts. */
  #serveElsewhere(asked: IncomingMessage, answer: ServerResponse): void {
    const url = new URL(asked.url ?? "/", this.url);
    const told = this.#tell("elsewhere", asked, answer);
    if (url.searchParams.get("signature") !== this.#signature) {
      answer.writeHead(403).end();
      return;
    }
    const does = this.#next("elsewhere");
    told.fault = does?.kind;
    if (does !== undefined && misbehaveAtOnce(does, answer, told)) return;
    if (does?.kind === "redirect") {
      answer.writeHead(307, { location: does.to ?? url.href }).end();
      return;
    }
    this.#forward({ asked, answer, told, does }, url.pathname);
  }

  #elsewhere(url: URL): string {
    return `http://127.0.0.1:${this.#ports.elsewhere}${url.pathname}?signature=${this.#signature}`;
  }

  #tell(stage: Stage, asked: IncomingMessage, answer: ServerResponse): Told {
    const [scheme] = (asked.headers.authorization ?? "none").split(" ");
    const told: Told = {
      stage,
      method: asked.method ?? "",
      path: asked.url ?? "",
      authorization: scheme === "Basic" || scheme === "Bearer" ? scheme : "none",
      range: asked.headers.range,
      status: 0,
      bytes: 0,
      fault: undefined,
    };
    this.seen.push(told);
    // Headers may be out before the last byte of the body is.
    answer.once("close", () => {
      if (answer.headersSent) told.status = answer.statusCode;
    });
    return told;
  }

  #next(stage: Stage): Misdeed | undefined {
    for (const due of this.#faults) {
      if (![due.fault.at].flat().includes(stage)) continue;
      if (due.after-- > 0 || due.times <= 0) continue;
      due.times--;
      return due.fault.does;
    }
    return undefined;
  }

  #isAllowed({ headers }: IncomingMessage): boolean {
    return this.#auth === undefined || headers.authorization === `Bearer ${this.#token}`;
  }

  #challenge(url: URL, answer: ServerResponse): void {
    const name = /^\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\//.exec(url.pathname)?.[1];
    const scope = name === undefined ? "" : `,scope="repository:${name}:pull,push"`;
    const challenge = `Bearer realm="${this.url}/token",service="fault-proxy"${scope}`;
    answer.writeHead(401, { "www-authenticate": challenge, "content-type": "application/json" });
    answer.end(refusal("UNAUTHORIZED"));
    answer.req.resume();
  }

  #giveToken(asked: IncomingMessage, answer: ServerResponse, does: Misdeed | undefined): void {
    if (this.#auth !== undefined && asked.headers.authorization !== `Basic ${basic(this.#auth)}`) {
      answer.writeHead(401, { "content-type": "application/json" }).end(refusal("UNAUTHORIZED"));
      return;
    }
    const body = Buffer.from(JSON.stringify({ token: this.#token, expires_in: 300 }));
    const told = this.seen.at(-1) as Told; // synchronous: nobody has asked meanwhile
    send({ answer, told, does }, { status: 200, headers: jsonOf(body), body });
  }

  #forward(exchange: Asked, path: string): void {
    const { asked, answer, told, does } = exchange;
    const { method, headers } = asked;
    const onwards = request(new URL(path, this.#registry), { method, headers, agent: false });
    const cut = does !== undefined && isOfRequest(does, told.stage);
    pipeline(cut ? [asked, spoiled(asked, answer, does), onwards] : [asked, onwards], () => {});
    onwards.on("error", () => answer.destroy());
    answer.on("close", () => onwards.destroy());
    onwards.on("response", (response) => {
      void this.#passBack(response, cut ? { ...exchange, does: undefined } : exchange);
    });
  }

  async #passBack(response: IncomingMessage, exchange: Asked): Promise<void> {
    const { answer, told, does } = exchange;
    const { statusCode: status = 502, headers } = response;
    const isManifest = told.stage === "manifest-tag" || told.stage === "manifest-digest";
    if (does === undefined && !isManifest) {
      answer.writeHead(status, headers);
      response.on("data", (part: Buffer) => (told.bytes += part.length));
      pipeline(response, answer, () => {});
      return;
    }
    const body = await buffer(response).catch(() => undefined);
    if (body === undefined) return void answer.destroy(); // whoever asked has left
    if (isManifest) this.#learn(body);
    send(exchange, { status, headers, body });
  }

  #learn(manifest: Buffer): void {
    const digest = /"config"\s*:\s*\{[^}]*"digest"\s*:\s*"([^"]+)"/.exec(manifest.toString())?.[1];
    if (digest !== undefined) this.#configs.add(digest);
  }
}

interface Asked extends Exchange {
  readonly asked: IncomingMessage;
  readonly told: Told;
}

function jsonOf(body: Buffer): OutgoingHttpHeaders {
  return { "content-type": "application/json", "content-length": String(body.length) };
}

function basic({ username, password }: NonNullable<FaultProxyOptions["auth"]>): string {
  return Buffer.from(`${username}:${password}`).toString("base64");
}

/** The port. The server ends with the test file. */
async function served(listener: RequestListener): Promise<number> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  endsWithTests(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  return (server.address() as AddressInfo).port;
}
