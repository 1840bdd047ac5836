/** A blob on its way to a registry: begun, sent, taken up again after a break, finished. */
import { Readable } from "node:stream";
import { MarmitaError, isMarmitaError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { throwIfAborted } from "../util/abort.ts";
import { MOST_BREAKS, isBreak, restAfter } from "./again.ts";
import { type Answer, type Ask, type Asker, headerOf, nonsense, placeOf } from "./asker.ts";
import { hasBlob } from "./blobs.ts";
import type { RequestOptions } from "./manifests.ts";

/** The same bytes whenever it is called, from `offset` on. */
export type OpenBytes = (offset: number) => Readable;

export interface UploadOptions extends RequestOptions {
  /** How much of it the registry has been sent; less than before when it has lost some. */
  readonly onProgress?: ((currentBytes: number) => void) | undefined;
}

/** One request carries it all, up to this size. */
const SMALL_BYTES = 256 * 1024;
/** Out of step for the third time, it will be so for ever. */
const MOST_MISSTEPS = 2;
/** After a proxy said that a request is too large: less than the limits they come with. */
const PIECE_BYTES = 8 * 1024 * 1024;

/**
 * The registry is asked for nothing but what HTTP clients of Docker's do: POST, one PATCH with all
 * of it, PUT. After a break, it is asked how much it has, and gets the rest.
 */
export class Upload {
  readonly #asker: Asker;
  readonly #blob: Descriptor;
  readonly #open: OpenBytes;
  readonly #options: UploadOptions;
  /** Where the next request goes; none before it has begun. */
  #place: URL | undefined;
  #offset = 0;
  #pieceBytes = Infinity;
  #leastPieceBytes = 0;
  /** Why its own bytes could not be read: no break, which would be worth another try. */
  #fault: { readonly error: unknown } | undefined;

  constructor(asker: Asker, what: { blob: Descriptor; open: OpenBytes }, options: UploadOptions) {
    this.#asker = asker;
    this.#blob = what.blob;
    this.#open = what.open;
    this.#options = options;
  }

  /** What a mount that failed has begun. */
  startFrom(answer: Answer): void {
    this.#note(answer);
  }

  /** Throws what it failed with at last; whatever it sent till then is the registry's to forget. */
  async run(): Promise<void> {
    const { signal } = this.#options;
    let farthest = -1;
    let missteps = 0;
    for (let breaks = 0; ;) {
      try {
        if (breaks > 0 && (await this.#isOver())) return;
        await this.#send();
        return;
      } catch (error) {
        throwIfAborted(signal);
        if (this.#fault !== undefined) throw this.#fault.error;
        if (!isBreak(error) && !this.#isOutOfStep(error)) throw error;
        if (this.#place === undefined) throw error; // nothing is lost: it was tried often enough
        if (this.#offset > farthest) {
          farthest = this.#offset;
          breaks = 0;
        }
        if (!isBreak(error) && ++missteps > MOST_MISSTEPS) throw error;
        if (++breaks > MOST_BREAKS) throw error;
        await restAfter(this.#asker, { breaks, error }, this.#options);
      }
    }
  }

  async #send(): Promise<void> {
    const { size } = this.#blob;
    if (this.#place === undefined) await this.#begin();
    const isSmall = size <= SMALL_BYTES && this.#offset === 0;
    while (!isSmall && this.#offset < size) await this.#sendPiece();
    await this.#finish();
  }

  async #begin(): Promise<void> {
    const answer = await this.#asker.ask({
      doing: this.#doing,
      reference: this.#blob.digest,
      method: "POST",
      path: "blobs/uploads/",
      body: new Uint8Array(),
      accept: [202],
      retry: true, // one that nobody uses is forgotten
      ...this.#trying,
    });
    answer.discard();
    this.#offset = 0;
    this.#note(answer);
    this.#options.onProgress?.(0);
  }

  async #sendPiece(): Promise<void> {
    const from = this.#offset;
    const length = Math.min(this.#pieceBytes, this.#blob.size - from);
    // Of a piece it has to be said which; all at once is what every registry takes.
    const isAll = from === 0 && length === this.#blob.size;
    const answer = await this.#ask({
      method: "PATCH",
      headers: {
        "content-type": "application/octet-stream",
        ...(!isAll && { "content-range": `${from}-${from + length - 1}` }),
      },
      body: { length, open: () => this.#read(from, length) },
      accept: [202, 201, 204, 413],
    });
    answer.discard();
    if (answer.status === 413) return this.#sendLess(length);
    this.#note(answer);
    // Whatever `Range` says: some tell only of the last piece, some of the first, some a byte too much.
    this.#offset = from + length;
  }

  #sendLess(length: number): void {
    const next = Math.max(PIECE_BYTES, this.#leastPieceBytes);
    if (length <= next) {
      throw new MarmitaError(
        "UNSUPPORTED",
        `${this.#asker.registry} takes no requests of ${length} bytes`,
        {
          hint: "A proxy before the registry limits the size of requests.",
          details: {
            registry: this.#asker.registry,
            repository: this.#asker.repository,
            status: 413,
          },
        },
      );
    }
    this.#pieceBytes = next;
  }

  /** PUT, with all of it where nothing has been sent yet. */
  async #finish(): Promise<void> {
    const { digest, size } = this.#blob;
    const length = size - this.#offset;
    const from = this.#offset;
    const answer = await this.#ask({
      method: "PUT",
      query: `digest=${encodeURIComponent(digest)}`,
      headers: { "content-type": "application/octet-stream" },
      body: length === 0 ? new Uint8Array() : { length, open: () => this.#read(from, length) },
      accept: [201, 204],
    });
    answer.discard();
    const said = headerOf(answer, "docker-content-digest");
    if (said !== undefined && said !== digest) throw this.#nonsense(answer);
    this.#options.onProgress?.(size);
  }

  /** After a break: whether it had arrived all the same. Else, from where to go on. */
  async #isOver(): Promise<boolean> {
    const { digest, size } = this.#blob;
    const isSent = this.#offset === size || size <= SMALL_BYTES;
    if (isSent && (await hasBlob(this.#asker, digest, this.#trying))?.size === size) return true;
    if (this.#place !== undefined) await this.#takeUp();
    return false;
  }

  /** How much of it the registry has; one that knows no such question is sent all of it again. */
  async #takeUp(): Promise<void> {
    const before = this.#offset;
    const accept = [204, 200, 202, 404, 416, 400, 405, 501];
    const answer = await this.#ask({ method: "GET", accept });
    answer.discard();
    const received = answer.status < 300 ? receivedOf(answer) : undefined;
    if (received === undefined) return this.#forget();
    if (received > this.#blob.size) throw this.#nonsense(answer);
    this.#note(answer);
    this.#offset = received;
    if (received < before) this.#options.onProgress?.(received);
  }

  /** It begins anew. */
  #forget(): void {
    this.#place = undefined;
    this.#offset = 0;
  }

  async #ask({ query, ...request }: PlacedAsk): Promise<Answer> {
    if (this.#place === undefined) throw new TypeError("an upload that has not begun");
    const path = new URL(this.#place);
    // As text: what stands there may be signed as it is.
    if (query !== undefined) path.search = `${path.search || "?"}&${query}`.replace("?&", "?");
    return this.#asker.ask({
      ...request,
      path,
      doing: this.#doing,
      reference: this.#blob.digest,
      retry: false,
      ...this.#trying,
    });
  }

  /** Where it goes on, relative to where we are; and in which pieces, if in any. */
  #note(answer: Answer): void {
    const location = headerOf(answer, "location");
    if (location !== undefined) this.#place = this.#placeOf(answer, location);
    if (this.#place === undefined) throw this.#nonsense(answer);
    const least = headerOf(answer, "oci-chunk-min-length") ?? "";
    if (/^\d{1,12}$/.test(least)) this.#leastPieceBytes = Number(least);
  }

  #placeOf(answer: Answer, location: string): URL {
    if (!URL.canParse(location, answer.url.href)) throw this.#nonsense(answer);
    const place = new URL(location, answer.url);
    if (place.protocol !== "http:" && place.protocol !== "https:") throw this.#nonsense(answer);
    // Behind a proxy that does TLS for it, a registry may not know that it is spoken to with TLS.
    const asked = answer.url;
    if (asked.protocol === "https:" && place.hostname === asked.hostname) place.protocol = "https:";
    place.username = "";
    place.password = "";
    return place;
  }

  #read(from: number, length: number): Readable {
    return Readable.from(this.#bytes(from, length), { objectMode: false });
  }

  /** From `from` on, so many bytes; counted as they go. */
  async *#bytes(from: number, length: number): AsyncGenerator<Uint8Array> {
    let sent = 0;
    try {
      for await (const chunk of this.#open(from) as AsyncIterable<Uint8Array>) {
        const part = chunk.subarray(0, length - sent);
        sent += part.length;
        yield part;
        this.#options.onProgress?.(from + sent);
        if (sent === length) return;
      }
      const { digest, size } = this.#blob;
      if (sent < length) {
        throw new MarmitaError("CORRUPT", `blob ${digest} has ${from + sent} bytes, not ${size}`, {
          details: { digest, expected: size, actual: from + sent },
        });
      }
    } catch (error) {
      this.#fault = { error };
      throw error;
    }
  }

  /** It knows nothing of this upload, or has another part of it than we think. */
  #isOutOfStep(error: unknown): boolean {
    if (this.#place === undefined || !isMarmitaError(error)) return false;
    return error.details["status"] === 404 || error.details["status"] === 416;
  }

  get #trying(): RequestOptions {
    const { signal, onRetry } = this.#options;
    return { signal, onRetry };
  }

  get #doing(): string {
    return `upload blob ${placeOf(this.#asker, this.#blob.digest)}`;
  }

  #nonsense(answer: Answer): MarmitaError {
    const { status } = answer;
    return nonsense(this.#asker, `${this.#doing}: the registry's answer makes no sense`, {
      reference: this.#blob.digest,
      status,
    });
  }
}

interface PlacedAsk extends Pick<Ask, "method" | "headers" | "body" | "accept"> {
  readonly query?: string;
}

/** How much has arrived, of `Range: 0-99`. Of nothing at all, some say `0-0`. */
function receivedOf(answer: Answer): number | undefined {
  const [, last] = /^(?:bytes=)?0-(\d{1,15})$/.exec(headerOf(answer, "range") ?? "") ?? [];
  if (last === undefined) return undefined;
  return last === "0" ? 0 : Number(last) + 1;
}
