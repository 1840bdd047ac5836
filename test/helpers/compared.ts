/** What ours and Podman's containers show, held against the differences that are documented. */
import { readFileSync } from "node:fs";
import { subordinateIdsFault } from "./ids.ts";
import { hostCan, requireProgram, requireUserNamespaces } from "./user-namespaces.ts";

const DOCUMENT = readFileSync(
  new URL("../../docs/compared-with-podman.md", import.meta.url),
  "utf8",
);

/** What a command showed: the name of each thing and what there is to know about it. */
export type Facts = ReadonlyMap<string, string>;

/** At the top of a file that compares; skips its tests where one of the two cannot run here. */
export function requirePodman(): boolean {
  const isRoot = process.getuid?.() === 0;
  const fault = isRoot ? "as root it is not rootless" : subordinateIdsFault();
  return requireUserNamespaces() && requireProgram("podman") && hostCan("run podman", fault);
}

/** Differences whose name stands in no row of the document, as "name: ours | theirs". */
export function undocumented(ours: Facts, theirs: Facts): readonly string[] {
  const names = new Set([...ours.keys(), ...theirs.keys()]);
  return [...names]
    .filter((name) => ours.get(name) !== theirs.get(name))
    .filter((name) => !DOCUMENT.includes(`\`${name}\``))
    .map((name) => `${name}: ${ours.get(name) ?? "–"} | ${theirs.get(name) ?? "–"}`);
}

/** Lines `name=value`. */
export function settings(text: string): Facts {
  const lines = text.trim().split("\n");
  return new Map(lines.map((line) => split(line, "=")));
}

export function split(line: string, separator: string | RegExp): [string, string] {
  const [name = "", ...rest] = line.split(separator);
  return [name, rest.join(" ")];
}
