/** Texts and tokens, as complaints about a template show them. */
import type { Token } from "./tokens.ts";

export function shown({ kind, text }: Token): string {
  if (kind === "end") return "EOF";
  if (kind === "keyword" || kind === "dot" || kind === "nil") return `<${text}>`;
  const characters = Array.from(text);
  return characters.length > 10 ? `${quoted(characters.slice(0, 10).join(""))}...` : quoted(text);
}

export function quoted(text: string): string {
  return JSON.stringify(text);
}
