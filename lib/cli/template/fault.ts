/** Faults of templates, in Docker's words. */
import { MarmitaError } from "../../errors.ts";

/** `template parsing error: template: :1:2: executing "" at <.Foo>: …` */
export function templateFault(place: string, message: string, hint?: string): MarmitaError {
  const text = `template parsing error: template: ${place}: ${message}`;
  return new MarmitaError("INVALID_ARGUMENT", text, { step: "template", hint });
}

/** The line at `at`, from 1, and the bytes of it that stand before. */
export function positionOf(source: string, at: number): { line: number; column: number } {
  const before = source.slice(0, at);
  const start = before.lastIndexOf("\n") + 1;
  return {
    line: before.split("\n").length,
    column: Buffer.byteLength(before.slice(start)),
  };
}
