/** Limits written to a group, and what is said of those that cannot be had. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { MarmitaError } from "../errors.ts";
import { errnoWords } from "../util/errno.ts";
import { errnoOf } from "../util/system-error.ts";
import { writeGroupFile } from "./cgroup-host.ts";
import type { GroupWrite } from "./cgroup-resources.ts";

/** The controller is not there, or the file is not ours to write. */
const UNAVAILABLE = new Set(["ENOENT", "EACCES", "EPERM", "EROFS"]);

/**
 * Returns the fields that this group has no means for. Throws `INVALID_ARGUMENT` for a value that
 * the kernel refuses, and `UNSUPPORTED` for a file of `unified` that is not there; both with
 * `details.field`.
 */
export function writeLimits(directory: string, writes: readonly GroupWrite[]): readonly string[] {
  const missing = new Set<string>();
  for (const write of writes) {
    const { file, text } = chosen(directory, write);
    try {
      writeGroupFile(directory, file, text);
    } catch (error) {
      const errno = errnoOf(error) ?? "";
      if (write.isOptional && errno === "ENOENT") continue;
      if (!UNAVAILABLE.has(errno)) throw refused(write, { directory, file, text, errno });
      if (write.isUnified) throw absent(write, directory, errno);
      missing.add(write.field);
    }
  }
  return [...missing];
}

function chosen(directory: string, write: GroupWrite): { file: string; text: string } {
  const { instead } = write;
  return instead === undefined || existsSync(join(directory, write.file)) ? write : instead;
}

function refused(
  { field: name }: GroupWrite,
  facts: { directory: string; file: string; text: string; errno: string },
): MarmitaError {
  const { directory, file, text, errno } = facts;
  const field = `linux.resources.${name}`;
  return new MarmitaError(
    "INVALID_ARGUMENT",
    `${field}: the kernel refuses ${JSON.stringify(text)} for ${file}: ${errnoWords(errno)}`,
    { step: "cgroup", syscall: "write", errno, details: { field, directory, file, value: text } },
  );
}

function absent({ field: name }: GroupWrite, directory: string, errno: string): MarmitaError {
  const field = `linux.resources.${name}`;
  return new MarmitaError(
    "UNSUPPORTED",
    `${field}: control group ${directory} has no such file that can be written`,
    { step: "cgroup", syscall: "open", errno, details: { field, directory } },
  );
}

export const REQUIRE_ANNOTATION = "io.marmita.require";

/** Whether `io.marmita.require`, words with commas between, has `resources` among them. */
export function requiresResources(annotations: Readonly<Record<string, string>> = {}): boolean {
  const words = (annotations[REQUIRE_ANNOTATION] ?? "").split(",");
  return words.some((word) => word.trim() === "resources");
}

/**
 * One sentence for all the limits that are not applied, for a warning. With `isRequired` it throws
 * that as `UNAVAILABLE`, with `details.fields`.
 */
export function tellMissing(
  fields: readonly string[],
  { why, isRequired }: { readonly why: string; readonly isRequired: boolean },
): string {
  const text = `limits are not applied (${fields.join(", ")}): ${why}`;
  if (!isRequired) return text;
  throw new MarmitaError("UNAVAILABLE", text, {
    step: "cgroup",
    hint: "they were demanded; as an ordinary user limits take cgroup v2 and a group that systemd delegates (systemd-run --user --scope -p Delegate=yes, or --systemd-cgroup)",
    details: { fields: fields.map((field) => `linux.resources.${field}`) },
  });
}
