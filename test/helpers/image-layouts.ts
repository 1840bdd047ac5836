/** Archives of images put together by hand, whole or damaged, in all forms they come in. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Members, archiveOf } from "../../fixtures/layout-writer.mjs";
import { output } from "./command.ts";
import { temporaryFolder } from "./folder.ts";
import { busyboxArchive } from "./images.ts";

export {
  type Blob,
  type Content,
  Layout,
  type Made,
  type Members,
  dockerMembers,
  image,
  named,
} from "../../fixtures/layout-writer.mjs";

/** A directory with an OCI image layout that holds `busybox:latest`, its layer compressed. */
export async function busyboxLayout(): Promise<string> {
  const folder = await temporaryFolder();
  output(["tar", "-xf", busyboxArchive({ form: "oci", gzip: true }), "-C", folder]);
  return folder;
}

/** The path of a tar with these files. */
export async function archive(members: Members): Promise<string> {
  const path = join(await temporaryFolder(), "archive.tar");
  await writeFile(path, archiveOf(members));
  return path;
}
