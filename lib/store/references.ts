/** Image names → descriptors: index.json of the OCI image layout. */
import { mkdir, readFile, stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

import { isMarmitaError } from "../errors.ts";
import { type Descriptor, descriptorJson, parseDescriptor } from "../oci/descriptor.ts";
import { type Digest, digestsIn } from "../oci/digest.ts";
import { INDEX } from "../oci/media-types.ts";
import { familiar, findReference, isReserved } from "../oci/reference.ts";
import { type JsonObject, JsonReader, isJsonObject, parseJson } from "../util/json.ts";
import { isMissing } from "../util/system-error.ts";
import { writeAtomic } from "./atomic.ts";
import { type Lock, lock } from "./lock.ts";
import type { Paths } from "./paths.ts";
import { REPO_DIGESTS, parseRepoDigests, uniteRepoDigests } from "./repo-digests.ts";

const REF_NAME = "org.opencontainers.image.ref.name";
const LAYOUT = `${JSON.stringify({ imageLayoutVersion: "1.0.0" })}\n`;

/** One line of index.json. Several may carry the same digest: one for each name. */
export interface ImageEntry {
  /** The familiar name, `busybox:latest`; absent for an image that lost it. */
  readonly name?: string;
  readonly descriptor: Descriptor;
  /**
   * What registries know it by, in full: `docker.io/library/busybox@sha256:…`. The digest is that of
   * the manifest or of an index that led to it; the latest come first. Absent for one that never
   * was in a registry.
   */
  readonly repoDigests?: readonly string[];
}

export interface NamedDescriptor {
  /** A familiar name. */
  readonly name: string | undefined;
  readonly descriptor: Descriptor;
  /** To be remembered of the image, with those it has. */
  readonly repoDigests?: readonly string[] | undefined;
}

/** What a registry knows an image by, to be forgotten. */
export interface LostRepoDigests {
  /** Of the image's manifest. */
  readonly digest: Digest;
  readonly repoDigests: readonly string[];
}

/** All in one step. */
export interface ReferencesEdit {
  /** Names. */
  readonly untag: readonly string[];
  /** Images, with all of their names. */
  readonly forget: readonly Digest[];
  readonly unlink?: readonly LostRepoDigests[];
}

/** A line as it was found, with what we do not know; `entry` is absent when it makes no sense. */
interface Line {
  readonly json: unknown;
  readonly entry?: ImageEntry;
}

interface IndexFile {
  readonly version: string;
  readonly rest: JsonObject;
  readonly lines: readonly Line[];
}

/**
 * Other tools may write the same file. So what they wrote is read leniently (a line we cannot
 * read is passed over) and kept as it is; what we add is strict.
 */
export class References {
  readonly #paths: Paths;
  #cached: IndexFile | undefined;

  constructor(paths: Paths) {
    this.#paths = paths;
  }

  /** In the order in which they were added. */
  async list(): Promise<readonly ImageEntry[]> {
    const { lines } = await this.#read();
    return lines.flatMap(({ entry }) => (entry === undefined ? [] : [entry]));
  }

  /** `name` is a familiar name with its tag: `busybox:latest`. */
  async find(name: string): Promise<Descriptor | undefined> {
    return (await this.list()).find((entry) => entry.name === name)?.descriptor;
  }

  /** What the lines mention that make no sense to us: somebody else may rely on it. */
  async foreign(): Promise<readonly Digest[]> {
    const { lines, rest } = await this.#read();
    const unknown = lines.filter(({ entry }) => entry === undefined).map(({ json }) => json);
    return digestsIn(JSON.stringify([rest, ...unknown]));
  }

  /**
   * Let each name mean its descriptor from now on, all at once; without a name an image is only
   * known by its ids. An image whose last name is taken away stays, nameless.
   */
  async set(...named: readonly NamedDescriptor[]): Promise<void> {
    await this.#change((lines) => named.reduce(withNamed, lines));
  }

  /** Forget names; the images stay, nameless if need be. Forgetting an absent name is fine. */
  async remove(...names: readonly string[]): Promise<void> {
    await this.#change((lines) => names.reduce(withoutName, lines));
  }

  /** Forget images under all of their names. */
  async forget(...digests: readonly Digest[]): Promise<void> {
    await this.edit({ untag: [], forget: digests });
  }

  /** Forget names, images, and what registries know images by. */
  async edit({ untag, forget, unlink = [] }: ReferencesEdit): Promise<void> {
    const gone = new Set(forget);
    await this.#change((lines) => {
      const kept = lines.filter(({ entry }) => !entry || !gone.has(entry.descriptor.digest));
      const unlinked = unlink.reduce(
        withoutRepoDigests,
        kept.length === lines.length ? lines : kept,
      );
      return untag.reduce(withoutName, unlinked);
    });
  }

  async #change(edit: (lines: readonly Line[]) => readonly Line[]): Promise<void> {
    using _held: Lock = await lock(this.#paths.lock("index"), { mode: "exclusive" });
    const { lines, rest } = await this.#read();
    const edited = edit(lines);
    if (edited === lines) return;
    await mkdir(this.#paths.images, { recursive: true, mode: 0o700 });
    await this.#writeLayout();
    const manifests = edited.map(({ json }) => json);
    const json = { schemaVersion: 2, mediaType: INDEX, ...rest, manifests };
    await writeAtomic(this.#paths.index, `${JSON.stringify(json, undefined, 2)}\n`);
    this.#cached = undefined;
  }

  /** The file that makes the directory an OCI image layout. */
  async #writeLayout(): Promise<void> {
    const path = `${this.#paths.images}/oci-layout`;
    try {
      await stat(path);
    } catch (error) {
      if (!isMissing(error)) throw error;
      await writeAtomic(path, LAYOUT);
    }
  }

  async #read(): Promise<IndexFile> {
    const version = await fileVersion(this.#paths.index);
    if (version === undefined) return { version: "", rest: {}, lines: [] };
    if (this.#cached?.version === version) return this.#cached;
    const json = await readIndex(this.#paths.index);
    this.#cached = { version, ...parseIndexFile(json) };
    return this.#cached;
  }
}

/** Changes whenever the file is replaced or written to. */
async function fileVersion(path: string): Promise<string | undefined> {
  try {
    const { mtimeNs, ino, size } = await stat(path, { bigint: true });
    return `${mtimeNs} ${ino} ${size}`;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Not every tool renames a draft into place: a file cut short may be whole a moment later. */
async function readIndex(path: string): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    try {
      return parseJson(await readFile(path), path);
    } catch (error) {
      if (attempt === 3 || !isMarmitaError(error, "CORRUPT")) throw error;
      await delay(20 * attempt);
    }
  }
}

function parseIndexFile(json: unknown): Omit<IndexFile, "version"> {
  const fields = new JsonReader(json, "index.json");
  const lines = fields.findList("manifests", parseLine) ?? [];
  const { manifests: _lines, ...rest } = isJsonObject(json) ? json : {};
  return { rest, lines };
}

function parseLine(json: unknown): Line {
  let descriptor: Descriptor;
  try {
    descriptor = parseDescriptor(json);
  } catch {
    return { json };
  }
  const written = descriptor.annotations?.[REF_NAME];
  const reference = written === undefined ? undefined : findReference(written);
  const repoDigests = parseRepoDigests(descriptor.annotations?.[REPO_DIGESTS]);
  const entry = { descriptor, ...(repoDigests.length > 0 && { repoDigests }) };
  if (reference === undefined || reference.digest !== undefined || isReserved(reference)) {
    return { json, entry };
  }
  return { json, entry: { name: familiar(reference), ...entry } };
}

function withNamed(lines: readonly Line[], named: NamedDescriptor): readonly Line[] {
  const { name, descriptor } = named;
  const { digest } = descriptor;
  const repoDigests = uniteRepoDigests(
    named.repoDigests,
    parseRepoDigests(descriptor.annotations?.[REPO_DIGESTS]),
    ...ofImage(lines, digest).map(({ entry }) => entry?.repoDigests),
  );
  const known = withRepoDigests(lines, digest, repoDigests);
  if (name === undefined && hasDigest(known, digest)) return known;
  const others = name === undefined ? known : withoutName(known, name);
  const line = newLine(name, descriptor, repoDigests);
  return [...others.filter((one) => !isNameless(one, digest)), line];
}

function newLine(
  name: string | undefined,
  descriptor: Descriptor,
  repoDigests: readonly string[],
): Line {
  const { [REF_NAME]: _old, ...annotations } = descriptor.annotations ?? {};
  const named = name === undefined ? annotations : { ...annotations, [REF_NAME]: name };
  const json = descriptorJson({ ...descriptor, annotations: named });
  return parseLine(annotated(json, REPO_DIGESTS, repoDigests.join(",")));
}

/** All lines of an image say the same, so that none is lost with one of them. */
function withRepoDigests(
  lines: readonly Line[],
  digest: Digest,
  repoDigests: readonly string[],
): readonly Line[] {
  const text = repoDigests.join(",");
  const isDone = ({ entry }: Line) => (entry?.repoDigests ?? []).join(",") === text;
  if (ofImage(lines, digest).every(isDone)) return lines;
  return lines.map((line) => {
    if (line.entry?.descriptor.digest !== digest || isDone(line)) return line;
    return parseLine(annotated(line.json, REPO_DIGESTS, text));
  });
}

function withoutRepoDigests(
  lines: readonly Line[],
  { digest, repoDigests }: LostRepoDigests,
): readonly Line[] {
  const known = uniteRepoDigests(...ofImage(lines, digest).map(({ entry }) => entry?.repoDigests));
  const left = known.filter((one) => !repoDigests.includes(one));
  return withRepoDigests(lines, digest, left);
}

/** Takes the name off; what would be forgotten with it stays as a nameless line. */
function withoutName(lines: readonly Line[], name: string): readonly Line[] {
  const named = lines.filter(({ entry }) => entry?.name === name);
  if (named.length === 0) return lines;
  const kept = lines.filter((line) => !named.includes(line));
  const orphans = new Map<Digest, Line>();
  for (const { json, entry } of named) {
    if (entry === undefined || hasDigest(kept, entry.descriptor.digest)) continue;
    orphans.set(entry.descriptor.digest, parseLine(annotated(json, REF_NAME, "")));
  }
  return [...kept, ...orphans.values()];
}

/** An empty text takes the annotation away. */
function annotated(json: unknown, name: string, text: string): unknown {
  if (!isJsonObject(json)) return json;
  const { annotations: old, ...rest } = json;
  const { [name]: _old, ...others } = isJsonObject(old) ? old : {};
  const annotations = text === "" ? others : { ...others, [name]: text };
  return Object.keys(annotations).length === 0 ? rest : { ...rest, annotations };
}

function ofImage(lines: readonly Line[], digest: Digest): readonly Line[] {
  return lines.filter(({ entry }) => entry?.descriptor.digest === digest);
}

function hasDigest(lines: readonly Line[], digest: Digest): boolean {
  return ofImage(lines, digest).length > 0;
}

function isNameless({ entry }: Line, digest: Digest): boolean {
  return entry !== undefined && entry.name === undefined && entry.descriptor.digest === digest;
}
