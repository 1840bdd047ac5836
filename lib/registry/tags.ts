/** The tags of a repository. */
import { JsonReader } from "../util/json.ts";
import { isTag } from "../oci/reference.ts";
import { type Asker, nonsense, placeOf } from "./asker.ts";
import type { RequestOptions } from "./manifests.ts";
import { pagesOf } from "./pages.ts";

/** In the registry's order. Throws `NOT_FOUND` where there is no such repository. */
export async function* tagsOf(
  asker: Asker,
  { signal }: RequestOptions = {},
): AsyncGenerator<string> {
  const doing = `list the tags of ${placeOf(asker)}`;
  for await (const { json } of pagesOf(asker, {
    doing,
    path: "tags/list",
    headers: { accept: "application/json" },
    accept: [200],
    signal,
  })) {
    for (const tag of new JsonReader(json, doing).findTexts("tags") ?? []) {
      if (!isTag(tag)) throw nonsense(asker, `${doing}: one of them is no tag`);
      yield tag;
    }
  }
}
