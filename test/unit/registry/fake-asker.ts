/** A repository that answers what a test says, without a network. */
import { Readable } from "node:stream";
import { MarmitaError } from "../../../lib/errors.ts";
import type { Answer, Ask, Asker } from "../../../lib/registry/asker.ts";

export interface FakeAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Breaks off after the body. */
  readonly breaks?: boolean;
}

/** What was asked, with the bytes of its body. */
export type Asked = Ask & { readonly sent: Buffer };

/** An error is thrown. */
export type Answering = (asked: Asked, count: number) => FakeAnswer | Error;

export const PLACE = "https://example.com/v2/team/box/";

export class FakeAsker implements Asker {
  readonly registry = "example.com";
  readonly repository = "team/box";
  readonly asked: Asked[] = [];
  readonly #answering: Answering;

  constructor(answering: Answering) {
    this.#answering = answering;
  }

  /** `GET manifests/latest`, one for each. */
  get lines(): readonly string[] {
    return this.asked.map(({ method, path }) => `${method} ${lineOf(path)}`);
  }

  async rest(): Promise<void> {}

  /** It is no mirror. */
  passOver(): boolean {
    return false;
  }

  async ask(ask: Ask): Promise<Answer> {
    const { sent, fault } = await readBody(ask);
    const asked = { ...ask, sent };
    this.asked.push(asked);
    if (fault !== undefined) throw broken(`write: ${fault.message}`);
    const answer = this.#answering(asked, this.asked.length - 1);
    if (answer instanceof Error) throw answer;
    const { status = 200, headers = {}, body = "", breaks = false } = answer;
    if (!ask.accept.includes(status)) throw refused(status);
    const bytes = Buffer.from(body);
    const read = async (limit: number): Promise<Buffer> => {
      if (breaks) throw broken("it broke off");
      if (bytes.length > limit) throw new MarmitaError("CORRUPT", "too long");
      return bytes;
    };
    const url = ask.path instanceof URL ? ask.path : new URL(ask.path, PLACE);
    const stream = Readable.from([bytes]);
    const discard = () => void stream.destroy();
    return { status, headers, url, body: stream, read, discard, redact: (text) => text };
  }
}

function lineOf(path: string | URL): string {
  return String(path).replace(PLACE, "");
}

async function readBody({ body }: Ask): Promise<{ sent: Buffer; fault?: Error }> {
  if (body === undefined || body instanceof Uint8Array) return { sent: Buffer.from(body ?? "") };
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of body.open()) chunks.push(chunk as Buffer);
  } catch (error) {
    return { sent: Buffer.concat(chunks), fault: error as Error };
  }
  return { sent: Buffer.concat(chunks) };
}

export function broken(message = "the connection broke"): MarmitaError {
  return new MarmitaError("UNAVAILABLE", message, { step: "body" });
}

/** As the registry itself is told of. */
export function refused(status: number): MarmitaError {
  const code = status === 404 ? "NOT_FOUND" : status >= 500 ? "UNAVAILABLE" : "CORRUPT";
  return new MarmitaError(code, `status ${status}`, { details: { status } });
}
