/** "Are you sure?", asked before something is lost. */
import { readSync } from "node:fs";
import { MarmitaError } from "../errors.ts";
import { print } from "./output.ts";

/** Throws when the answer is not yes. `what` would be cancelled: `image prune`. */
export function confirm(warning: string, what: string): void {
  print(`WARNING! ${warning}\nAre you sure you want to continue? [y/N] `);
  if (/^y(es)?$/i.test(readLine().trim())) return;
  throw new MarmitaError("INVALID_ARGUMENT", `${what} has been cancelled`, {
    hint: "Answer y, or do not be asked with --force.",
  });
}

/** Byte by byte, since what follows is not ours. */
function readLine(): string {
  const bytes: number[] = [];
  const byte = Buffer.alloc(1);
  while (bytes.length < 4_096 && read(byte) && byte[0] !== 0x0a) bytes.push(byte[0] ?? 0);
  return Buffer.from(bytes).toString();
}

function read(byte: Buffer): boolean {
  for (;;) {
    try {
      return readSync(0, byte) === 1;
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code !== "EAGAIN") return false;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}
