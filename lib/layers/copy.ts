/** Files as a tar on a descriptor, and back: of this machine, or of a container. */
import { MarmitaError } from "../errors.ts";
import {
  type HelperEvent,
  type UserNamespace,
  type VerbOptions,
  runVerb,
} from "../native/helper.ts";
import { JsonReader } from "../util/json.ts";

/** Whose files: words of native/init/view.h, and where they are said. */
export interface View {
  readonly words: readonly string[];
  /** Absent: the caller's own. */
  readonly namespace?: UserNamespace;
  /** The lock that keeps others from it, held to the end of who looks. */
  readonly held?: number;
}

/** This machine's, as the caller sees them. */
export const HERE: View = { words: ["here"] };

export interface CopyFromRequest {
  readonly view: View;
  /** Absolute. With a slash at its end it is a directory, or a link to one. */
  readonly path: string;
  /** What it is called in the tar; `""` for what is in a directory. */
  readonly name: string;
  /** A link is the file that it leads to. */
  readonly followLinks: boolean;
  /** Where the tar goes; it stays the caller's. */
  readonly fd: number;
  readonly signal?: AbortSignal | undefined;
}

/** Rejects with a `HelperFailure`, or an `AbortError`. */
export async function copyFrom(request: CopyFromRequest): Promise<{ readonly entries: number }> {
  const { view, path, name, followLinks, fd, signal } = request;
  const args = [...view.words, ...(followLinks ? ["--follow"] : []), path, name];
  const event = await runVerb("copy-from", { ...inside(view), args, stdout: fd, signal });
  return { entries: fieldsOf(event, "copied").size("entries") };
}

export interface CopyToRequest {
  readonly view: View;
  /** Absolute. With a slash at its end it is a directory. */
  readonly path: string;
  /** The tar is no single file or directory, but one for a directory that is there. */
  readonly isStream: boolean;
  /** Owners are those of the tar. */
  readonly keepOwners: boolean;
  /** Where the tar comes from; it stays the caller's. */
  readonly fd: number;
  readonly signal?: AbortSignal | undefined;
}

/** What was copied. */
export interface CopiedFiles {
  /** Files, directories, links. */
  readonly entries: number;
  /** Of the tar that they travelled in, in bytes. */
  readonly size: number;
  /** Device nodes, which are left out. */
  readonly devices: number;
  /** Those that were to keep an owner whom they could not be given. */
  readonly unowned: number;
}

/** Rejects with a `HelperFailure`, or an `AbortError`. */
export async function copyTo(request: CopyToRequest): Promise<CopiedFiles> {
  const { view, path, isStream, keepOwners, fd, signal } = request;
  const options = [...(isStream ? ["--stream"] : []), ...(keepOwners ? ["--owners"] : [])];
  const args = [...view.words, ...options, path];
  const event = await runVerb("copy-to", {
    ...inside(view),
    args,
    stdin: fd,
    signal,
    endsByItself: true,
  });
  const fields = fieldsOf(event, "written");
  return {
    entries: fields.size("entries"),
    size: fields.size("size"),
    devices: fields.size("devices"),
    unowned: fields.size("unowned"),
  };
}

function inside({ namespace, held }: View): Pick<VerbOptions, "namespace" | "held"> {
  return { held, ...(namespace !== undefined && { namespace }) };
}

function fieldsOf(event: HelperEvent, last: string): JsonReader {
  if (event.event === last) return new JsonReader(event, "event of the helper");
  throw new MarmitaError("UNAVAILABLE", "the copy ended early", { step: "copy" });
}
