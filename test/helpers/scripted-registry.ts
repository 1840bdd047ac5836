/** A registry in memory that serves what it is given, right or wrong, and lets a test answer instead. */
import { createHash } from "node:crypto";
import {
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
  createServer,
} from "node:http";
import type { AddressInfo } from "node:net";
import { type Stage, stageOf } from "./registry-stages.ts";
import { endsWithTests } from "./servers.ts";

export interface Document {
  readonly bytes: string | Uint8Array;
  readonly type: string;
}

export interface Asked {
  readonly stage: Stage;
  readonly url: URL;
  readonly request: IncomingMessage;
}

/** True: it has been answered, or never will be. */
export type Answering = (asked: Asked, answer: ServerResponse) => boolean;

export interface Heard {
  readonly stage: Stage;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
}

export class ScriptedRegistry {
  /** By tag and by digest, of any repository. */
  readonly manifests = new Map<string, Document>();
  readonly blobs = new Map<string, string | Uint8Array>();
  readonly heard: Heard[] = [];
  /** Is asked first. */
  answering: Answering = () => false;
  readonly #configs = new Set<string>();
  #port = 0;

  /** Ends with the test file. `address`: one of this machine's. */
  static async start(address = "127.0.0.1"): Promise<ScriptedRegistry> {
    const registry = new ScriptedRegistry();
    const server = createServer((request, answer) => registry.#serve(request, answer));
    await new Promise<void>((resolve) => {
      server.listen(0, address, resolve);
    });
    endsWithTests(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    });
    registry.#port = (server.address() as AddressInfo).port;
    return registry;
  }

  /** `127.0.0.1:5000`, the first part of image names. */
  get host(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  /** Serves it by its digest, which is the result. */
  blob(bytes: string | Uint8Array): string {
    const digest = digestOf(bytes);
    this.blobs.set(digest, bytes);
    return digest;
  }

  /** Serves it by its digest, which is the result, and by a tag. */
  manifest(document: Document, tag?: string): string {
    const digest = digestOf(document.bytes);
    this.manifests.set(digest, document);
    if (tag !== undefined) this.manifests.set(tag, document);
    return digest;
  }

  #serve(request: IncomingMessage, answer: ServerResponse): void {
    const url = new URL(request.url ?? "/", this.url);
    const stage = stageOf(request.method ?? "", url, this.#configs);
    this.heard.push({ stage, path: request.url ?? "", headers: request.headers });
    answer.on("error", () => {});
    request.resume();
    if (this.answering({ stage, url, request }, answer)) return;
    const name = decodeURIComponent(url.pathname.slice(url.pathname.lastIndexOf("/") + 1));
    if (stage === "ping") {
      answer.writeHead(200, { "content-type": "application/json" }).end("{}");
    } else if (stage.startsWith("manifest-") && stage !== "manifest-put") {
      const document = this.manifests.get(name);
      const headers = { "content-type": document?.type ?? "" };
      give(answer, document?.bytes, headers);
    } else if (stage === "blob" || stage === "config" || stage === "blob-head") {
      give(answer, this.blobs.get(name), { "content-type": "application/octet-stream" });
    } else {
      give(answer, undefined, {});
    }
  }
}

/** 404 of `undefined`. */
function give(
  answer: ServerResponse,
  content: string | Uint8Array | undefined,
  headers: OutgoingHttpHeaders,
): void {
  if (content === undefined) {
    answer.writeHead(404, { "content-type": "application/json" }).end('{"errors":[]}');
    return;
  }
  const bytes = Buffer.from(content);
  answer.writeHead(200, {
    ...headers,
    "content-length": String(bytes.length),
    "docker-content-digest": digestOf(bytes),
  });
  answer.end(answer.req.method === "HEAD" ? undefined : bytes);
}

function digestOf(bytes: string | Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
