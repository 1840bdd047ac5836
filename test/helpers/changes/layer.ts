/** A committed layer as facts: each path, and all there is to know of what the layer has there. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Facts } from "../compared.ts";
import { below } from "./paths.ts";
import { type TarMember, readTar } from "../tar-reader.ts";

interface Index {
  readonly manifests: readonly { readonly digest: string }[];
}

interface Manifest {
  readonly layers: readonly { readonly digest: string; readonly mediaType: string }[];
}

/** The topmost layer of an image in an OCI layout; `digest` is its manifest's, or the only one. */
export function topLayer(layout: string, digest?: string): readonly TarMember[] {
  return readTar(Buffer.from(topLayerBytes(layout, digest)));
}

/** The same as a tar. */
export function topLayerBytes(layout: string, digest?: string): Buffer {
  const index = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")) as Index;
  const name = digest ?? index.manifests[0]?.digest ?? "";
  const manifest = JSON.parse(readFileSync(blobPath(layout, name), "utf8")) as Manifest;
  const { digest: blob, mediaType } = manifest.layers.at(-1)!;
  const path = blobPath(layout, blob);
  if (mediaType.endsWith("zstd")) {
    return execFileSync("zstd", ["-dc", path], { maxBuffer: 2 ** 30 }); // not in Node 20
  }
  return mediaType.endsWith("gzip") ? gunzipSync(readFileSync(path)) : readFileSync(path);
}

/**
 * What the layer has below `place`. Times of the moment (from `since` on, in seconds) are "now";
 * others count in whole seconds. Of whiteouts nothing but their name counts; a file of several
 * names is the same thing under each, whichever comes first.
 */
export function layerFacts(members: readonly TarMember[], place: string, since: number): Facts {
  const byPath = new Map(members.map((member) => [member.path, member]));
  const groups = new Map<string, string[]>();
  for (const member of members) {
    const { path: first } = origin(member, byPath);
    groups.set(first, [...(groups.get(first) ?? []), member.path]);
  }
  const facts = new Map<string, string>();
  for (const member of members) {
    const path = below(member.path, place);
    if (path === undefined) continue;
    if (facts.has(path)) throw new Error(`${member.path} is twice in the layer`);
    const { path: first } = origin(member, byPath);
    const others = (groups.get(first) ?? []).sort();
    const names = others.length > 1 ? ` names ${others.join(", ")}` : "";
    facts.set(path, described(byPath.get(first) ?? member, since) + names);
  }
  return facts;
}

/** What a hard link is a name of; throws when that does not come before it. */
function origin(member: TarMember, byPath: ReadonlyMap<string, TarMember>): TarMember {
  if (member.type !== "link" || isWhiteout(member.path)) return member;
  const target = member.target.replace(/^(\.?\/)+/, "");
  const found = byPath.get(target);
  if (found === undefined) throw new Error(`${member.path} is a link to ${target}: not there`);
  return origin(found, byPath);
}

function described(member: TarMember, since: number): string {
  const { path, type, mode, uid, gid, size, mtime, target, device, names, content } = member;
  if (isWhiteout(path)) return "whiteout";
  const seconds = Math.floor(Number(mtime));
  const isOfNow = seconds >= since && seconds <= since + 3600;
  const xattrs = [...member.xattrs].map(([name, value]) => `${name}=${value}`).sort();
  return [
    type,
    (mode & 0o7777).toString(8).padStart(4, "0"),
    `${uid}:${gid}`,
    isOfNow ? "now" : `at ${seconds}`,
    type === "file" ? `${size} ${digest(content)}` : "",
    type === "symlink" ? `→ ${target}` : "",
    device,
    names,
    ...xattrs,
  ]
    .filter(Boolean)
    .join(" ");
}

function isWhiteout(path: string): boolean {
  return /(^|\/)\.wh\.[^/]*$/.test(path);
}

function digest(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 12);
}

function blobPath(layout: string, digest: string): string {
  return join(layout, "blobs", digest.replace(":", "/"));
}
