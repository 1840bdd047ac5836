/** An image archive being read: a tar, unpacked by the helper, or an OCI layout directory. */
import { type FileHandle, mkdir, open, stat } from "node:fs/promises";
import { join, posix } from "node:path";

import { MarmitaError } from "../errors.ts";
import type { HelperEvent } from "../native/helper.ts";
import { type Digest, parseDigest } from "../oci/digest.ts";
import { storeError } from "../store/store-error.ts";
import { JsonReader } from "../util/json.ts";
import { isMissing } from "../util/system-error.ts";
import { type ByteSource, feedVerb } from "./feed.ts";

/** A file of an archive. */
export interface Member {
  readonly name: string;
  readonly path: string;
  readonly size: number;
}

/** A member as a file of its own, hashed, on the file system of the store. */
export interface TakenMember {
  readonly draft: string;
  readonly digest: Digest;
  readonly size: number;
}

export interface Archive {
  find(name: string): Promise<Member | undefined>;
  /** A small file. Throws `CORRUPT` when it is larger than `limitBytes`. */
  read(member: Member, limitBytes: number): Promise<Buffer>;
  digest(member: Member): Promise<Digest>;
  /** The first bytes of a file. */
  peek(member: Member, count: number): Promise<Buffer>;
  /** To be moved away by the caller, once for each member. */
  take(member: Member, signal?: AbortSignal): Promise<TakenMember>;
}

/** `draft` is an empty directory on the file system of the store; the caller removes it. */
export async function openArchive(
  source: ByteSource,
  draft: string,
  signal?: AbortSignal,
): Promise<Archive> {
  if (typeof source === "string" && (await isDirectory(source))) {
    return new DirectoryArchive(source, draft);
  }
  return extractArchive(source, draft, signal);
}

/** The member of that name, or `CORRUPT`. */
export async function needMember(archive: Archive, name: string): Promise<Member> {
  const member = await archive.find(name);
  if (member !== undefined) return member;
  throw new MarmitaError("CORRUPT", `the archive lacks ${name}`, { details: { member: name } });
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (isMissing(error)) return false;
    throw storeError(error, `open ${path}`);
  }
}

/** All members become files with numbers for names: none of theirs ever reaches the disk. */
async function extractArchive(
  source: ByteSource,
  draft: string,
  signal: AbortSignal | undefined,
): Promise<Archive> {
  const directory = join(draft, "members");
  await mkdir(directory, { mode: 0o700 });
  const archive = new TarArchive();
  await feedVerb("extract", source, {
    args: [directory],
    ...(signal && { signal }),
    onEvent: (event) => archive.add(event, directory),
  });
  return archive;
}

class TarArchive implements Archive {
  readonly #members = new Map<string, Member & { readonly digest: Digest }>();
  readonly #links = new Map<string, string>();

  add(event: HelperEvent, directory: string): void {
    const fields = new JsonReader(event, "event of the helper");
    if (event.event !== "file" && event.event !== "link") return;
    const name = plainName(fields.text("name"));
    // As with tar itself, a later member replaces an earlier one of its name.
    this.#members.delete(name);
    this.#links.delete(name);
    if (event.event === "link") {
      this.#links.set(name, fields.text("target"));
    } else {
      const path = join(directory, fields.text("path"));
      const digest = parseDigest(fields.text("digest"));
      this.#members.set(name, { name, path, size: fields.size("size"), digest });
    }
  }

  async find(name: string): Promise<Member | undefined> {
    return this.#follow(plainName(name));
  }

  async read(member: Member, limitBytes: number): Promise<Buffer> {
    return readSmall(member, limitBytes);
  }

  async digest(member: Member): Promise<Digest> {
    const found = this.#members.get(member.name);
    if (found === undefined) throw new Error(`no member of this archive: ${member.name}`);
    return found.digest;
  }

  async peek(member: Member, count: number): Promise<Buffer> {
    return readStart(member.path, count);
  }

  async take(member: Member): Promise<TakenMember> {
    return { draft: member.path, digest: await this.digest(member), size: member.size };
  }

  /** Old archives link equal layers: to a sibling as symbolic links, to a member as hard ones. */
  #follow(name: string): (Member & { readonly digest: Digest }) | undefined {
    let current = name;
    for (let links = 0; links < 8; links++) {
      const member = this.#members.get(current);
      if (member !== undefined) return member;
      const target = this.#links.get(current);
      if (target === undefined) return undefined;
      const sibling = plainName(posix.join(posix.dirname(current), target));
      const isThere = this.#members.has(sibling) || this.#links.has(sibling);
      current = isThere ? sibling : plainName(target);
    }
    return undefined;
  }
}

class DirectoryArchive implements Archive {
  readonly #directory: string;
  readonly #draft: string;
  readonly #taken = new Map<string, Promise<TakenMember>>();

  constructor(directory: string, draft: string) {
    this.#directory = directory;
    this.#draft = draft;
  }

  async find(name: string): Promise<Member | undefined> {
    const path = join(this.#directory, plainName(name));
    try {
      const found = await stat(path);
      return found.isFile() ? { name, path, size: found.size } : undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw storeError(error, `read ${path}`);
    }
  }

  async read(member: Member, limitBytes: number): Promise<Buffer> {
    return readSmall(member, limitBytes);
  }

  /** Hashed while it is copied, so that what is stored is what was hashed. */
  async digest(member: Member): Promise<Digest> {
    return (await this.take(member)).digest;
  }

  async peek(member: Member, count: number): Promise<Buffer> {
    return readStart(member.path, count);
  }

  async take(member: Member, signal?: AbortSignal): Promise<TakenMember> {
    const taken = this.#taken.get(member.name) ?? this.#copy(member, signal);
    this.#taken.set(member.name, taken);
    return taken;
  }

  async #copy(member: Member, signal: AbortSignal | undefined): Promise<TakenMember> {
    const draft = join(this.#draft, `blob-${this.#taken.size}`);
    const args = ["--packed", draft];
    const event = await feedVerb("blob", member.path, { args, ...(signal && { signal }) });
    const fields = new JsonReader(event, "event of the helper");
    return { draft, digest: parseDigest(fields.text("digest")), size: fields.size("size") };
  }
}

/** `./a//b` and `/a/b` are `a/b`; what would lead out of the archive stays at its top. */
function plainName(name: string): string {
  return posix.join("/", name).slice(1);
}

async function readSmall(member: Member, limitBytes: number): Promise<Buffer> {
  if (member.size > limitBytes) {
    const message = `${member.name} in the archive is larger than ${limitBytes} bytes`;
    throw new MarmitaError("CORRUPT", message, { details: { size: member.size, limitBytes } });
  }
  return readStart(member.path, member.size);
}

async function readStart(path: string, count: number): Promise<Buffer> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, "r");
    const { buffer, bytesRead } = await file.read(Buffer.alloc(count), 0, count, 0);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    throw storeError(error, `read ${path}`);
  } finally {
    await file?.close();
  }
}
