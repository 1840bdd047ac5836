/** A terminal of this machine, made to carry bytes and nothing else, and put back as it was. */
import { binding } from "./binding.ts";
import { named } from "./syscalls.ts";

/** All calls can be repeated. Should this process be killed, a keeper puts the terminal back. */
export class RawTerminal {
  readonly #fd: number;
  readonly #before: Buffer;

  /**
   * Keeps the mode it has now. Throws ENOTTY for what is no terminal. `forKeys`: no more changes
   * than it takes to have each key as it is pressed, unseen; ^C still is a signal.
   */
  constructor(fd: number, { forKeys = false }: { readonly forKeys?: boolean } = {}) {
    this.#fd = fd;
    this.#before = named(() => binding().saveTerminal(fd, forKeys));
  }

  /** No echo, no lines, no signals from keys, nothing changed on the way out; unless for keys. */
  enter(): void {
    named(() => binding().enterRaw(this.#fd, this.#before));
  }

  /** As it was, unless somebody has set another mode meanwhile. Never throws. */
  leave(): void {
    binding().leaveRaw(this.#fd, this.#before);
  }
}
