/** The keys by which one leaves a container: Docker's grammar, and their search in what is typed. */
import { MarmitaError } from "../errors.ts";
import type { Flag, ParsedFlags } from "./flags.ts";

export const DEFAULT_DETACH_KEYS = "ctrl-p,ctrl-q";

export const DETACH_KEYS_FLAG: Flag = {
  name: "detach-keys",
  value: "string",
  help:
    "Override the key sequence for detaching a container\n" +
    `("": none) (default "${DEFAULT_DETACH_KEYS}")`,
};

/** The bytes of `ctrl-@`, `ctrl-a` to `ctrl-z`, `ctrl-[` and on to `ctrl-_`, in their order. */
const CONTROLS = "@abcdefghijklmnopqrstuvwxyz[\\]^_";
const DEL = 0x7f;

/** What the flag says, else the environment. `undefined` where no keys are to be looked for. */
export function detachKeys(
  flags: ParsedFlags,
  env: Readonly<Record<string, string | undefined>>,
): Uint8Array | undefined {
  const given = flags.map("detach-keys", (text) => ({ keys: parseDetachKeys(text) })).at(-1);
  if (given !== undefined) return given.keys;
  return parseDetachKeys(env["MARMITA_DETACH_KEYS"] ?? DEFAULT_DETACH_KEYS);
}

/**
 * `ctrl-p,ctrl-q`, `a`, `ctrl-@,x`, `DEL`. `undefined` for the empty text. Throws
 * `INVALID_ARGUMENT` for what is no key.
 */
export function parseDetachKeys(text: string): Uint8Array | undefined {
  return text === "" ? undefined : Uint8Array.from(text.split(","), parseKey);
}

function parseKey(key: string): number {
  const code = key.length === 1 ? key.charCodeAt(0) : NaN;
  if (code <= DEL) return code;
  const name = key.toLowerCase();
  if (name === "del") return DEL;
  const control =
    name.length === 6 && name.startsWith("ctrl-") ? CONTROLS.indexOf(name.slice(5)) : -1;
  if (control >= 0) return control;
  throw new MarmitaError(
    "INVALID_ARGUMENT",
    `${JSON.stringify(key)} is no key: expected characters or ctrl-a to ctrl-z, ctrl-@, ctrl-[, ctrl-\\, ctrl-], ctrl-^ and ctrl-_, with commas between`,
  );
}

export interface Typed {
  /** What is to be passed on. */
  readonly bytes: Uint8Array;
  /** All keys were typed, one after the other: what follows them is nobody's. */
  readonly isDetached: boolean;
}

/** Looks for the keys. The first of them are held back until it is clear that others follow. */
export class DetachKeys {
  readonly #keys: Uint8Array;
  #held = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  push(chunk: Uint8Array): Typed {
    const [first = 0] = this.#keys;
    if (this.#held === 0 && !chunk.includes(first)) return { bytes: chunk, isDetached: false };
    const bytes: number[] = [];
    for (const byte of chunk) {
      bytes.push(...this.#next(byte));
      if (this.#held === this.#keys.length) {
        this.#held = 0;
        return { bytes: Uint8Array.from(bytes), isDetached: true };
      }
    }
    return { bytes: Uint8Array.from(bytes), isDetached: false };
  }

  /** What was held back when nothing more is typed. */
  end(): Uint8Array {
    const held = this.#keys.slice(0, this.#held);
    this.#held = 0;
    return held;
  }

  /** What is certain by this byte not to begin the keys. */
  #next(byte: number): readonly number[] {
    const tail = [...this.#keys.subarray(0, this.#held), byte];
    // What is held may end with their beginning once more: ^P ^P ^Q.
    for (let from = 0; from < tail.length; from++) {
      if (tail.slice(from).every((one, at) => one === this.#keys[at])) {
        this.#held = tail.length - from;
        return tail.slice(0, from);
      }
    }
    this.#held = 0;
    return tail;
  }
}
