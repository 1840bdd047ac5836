/** The repositories of a registry, as it lists them. */
import { JsonReader } from "../util/json.ts";
import { isRepositoryPath } from "../oci/reference.ts";
import { type Asker, nonsense } from "./asker.ts";
import type { RequestOptions } from "./manifests.ts";
import { pagesOf } from "./pages.ts";

/** Not of the specification, but of every registry that has one: `/v2/_catalog`. */
export async function* catalogOf(
  asker: Asker,
  { signal }: RequestOptions = {},
): AsyncGenerator<string> {
  const doing = `list the repositories of ${asker.registry}`;
  for await (const { json } of pagesOf(asker, {
    doing,
    path: "_catalog",
    headers: { accept: "application/json" },
    accept: [200],
    signal,
  })) {
    for (const name of new JsonReader(json, doing).findTexts("repositories") ?? []) {
      if (!isRepositoryPath(name)) throw nonsense(asker, `${doing}: one of them is no name`);
      yield name;
    }
  }
}
