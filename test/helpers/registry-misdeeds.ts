/** What a registry may do wrong, for a proxy that does it: in place of an answer, within one, to an upload. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { Transform } from "node:stream";
import type { Stage } from "./registry-stages.ts";

/** Shares go from 0 to 1, of the body of the answer, or of the request where that is an upload. */
export type Misdeed =
  | { readonly kind: "status"; readonly status: number; readonly headers?: OutgoingHttpHeaders }
  /** The connection ends before there is an answer. */
  | { readonly kind: "reset" }
  /** No answer, ever. */
  | { readonly kind: "silence" }
  /** Headers come for ever, one line at a time. */
  | { readonly kind: "endless-headers" }
  /** No HTTP. */
  | { readonly kind: "garbage" }
  /** The connection ends within the body. */
  | { readonly kind: "break"; readonly at: number }
  /** Nothing more comes, or is taken. */
  | { readonly kind: "stall"; readonly at: number }
  /** So many bytes are missing at the end, or too many, and the headers say so. */
  | { readonly kind: "resize"; readonly by: number }
  | { readonly kind: "flip"; readonly at: number }
  /** The body never ends. */
  | { readonly kind: "endless" }
  /** A header is another, or (`undefined`) missing. */
  | { readonly kind: "header"; readonly name: string; readonly value: string | undefined }
  /** To the other host, with a signature in the URL; or wherever it is said. */
  | { readonly kind: "redirect"; readonly to?: string };

/** Whether it is done to the body of the request, not to the answer. */
export function isOfRequest(does: Misdeed, stage: Stage): boolean {
  const hasBody = stage === "upload-patch" || stage === "upload-put" || stage === "manifest-put";
  return hasBody && (does.kind === "break" || does.kind === "stall" || does.kind === "flip");
}

/** What is said of an answer while it is given. */
export interface Outcome {
  status: number;
  bytes: number;
}

export interface Exchange {
  readonly answer: ServerResponse;
  readonly told: Outcome;
  readonly does: Misdeed | undefined;
}

interface Answer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
}

/** True: that was the answer, or there will be none. */
export function misbehaveAtOnce(does: Misdeed, answer: ServerResponse, told: Outcome): boolean {
  const { socket } = answer;
  switch (does.kind) {
    case "status":
      answer.writeHead(does.status, { "content-type": "application/json", ...does.headers });
      answer.end(refusal(`FAULT_${does.status}`));
      return true;
    case "reset":
      socket?.resetAndDestroy();
      return true;
    case "silence":
      return true;
    case "garbage":
      socket?.end("\0\xff 9 bottles of beer\n\n", "latin1");
      return true;
    case "endless-headers":
      socket?.write("HTTP/1.1 200 OK\r\n");
      dribble(socket, "X-More: and more\r\n");
      return true;
    case "endless":
      told.status = 200;
      answer.writeHead(200, { "content-type": "application/octet-stream" });
      dribble(answer, Buffer.alloc(65_536));
      return true;
    case "break":
    case "stall":
    case "resize":
    case "flip":
    case "header":
    case "redirect":
      return false;
  }
}

/** As fast as it is taken. */
function dribble(to: NodeJS.WritableStream | null | undefined, part: string | Buffer): void {
  const writing = setInterval(() => {
    if (to?.writable === true) to.write(part);
    else clearInterval(writing);
  }, 2);
  to?.once("close", () => clearInterval(writing)).on("error", () => {});
}

/** The answer, as it is after the misdeed. */
export function send({ answer, told, does }: Exchange, { status, headers, body }: Answer): void {
  const changed: OutgoingHttpHeaders = { ...headers };
  let sent = body;
  let most = Infinity;
  if (does?.kind === "header") changed[does.name] = does.value;
  if (does?.kind === "break" || does?.kind === "stall") most = Math.floor(body.length * does.at);
  if (does?.kind === "flip") sent = flipped(body, Math.floor(body.length * does.at));
  if (does?.kind === "resize") {
    sent = Buffer.concat([body, Buffer.alloc(Math.max(does.by, 0))]).subarray(
      0,
      body.length + does.by,
    );
    const length = Number(headers["content-length"] ?? body.length);
    changed["content-length"] = String(Math.max(length + does.by, 0));
  }
  for (const [name, value] of Object.entries(changed)) {
    if (value === undefined) delete changed[name];
  }
  answer.writeHead(status, changed);
  const part = sent.subarray(0, most);
  told.status = status;
  told.bytes = part.length;
  // What is written is to arrive before the end does.
  const written = (): void => {
    if (does?.kind === "break") setTimeout(() => answer.destroy(), 20);
  };
  if (most === Infinity) {
    answer.end(part);
  } else if (part.length === 0) {
    answer.flushHeaders();
    written();
  } else {
    answer.write(part, written);
  }
}

/** What is uploaded, as it is after the misdeed. */
export function spoiled(asked: IncomingMessage, answer: ServerResponse, does: Misdeed): Transform {
  const length = Number(asked.headers["content-length"] ?? 65_536);
  const at = "at" in does ? Math.floor(length * does.at) : Infinity;
  let passed = 0;
  return new Transform({
    transform(part: Buffer, _encoding, done) {
      const from = passed;
      passed += part.length;
      if (at < from || at >= passed) {
        done(undefined, part);
      } else if (does.kind === "flip") {
        done(undefined, flipped(part, at - from));
      } else {
        this.push(part.subarray(0, at - from));
        // What was passed on is to arrive before the end does. Never done: it stalls.
        if (does.kind === "break") setTimeout(() => answer.socket?.destroy(), 20);
      }
    },
  });
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  if (at < copy.length) copy[at] = (copy[at] ?? 0) ^ 0x20;
  return copy;
}

export function refusal(code: string): string {
  return JSON.stringify({ errors: [{ code, message: "as the test wants it" }] });
}
