/** Images looked for by a word: in Docker Hub's index, or in what a registry lists. */
import { MarmitaError } from "../errors.ts";
import { isDomain, splitDomain } from "../oci/reference.ts";
import { JsonReader, parseJson } from "../util/json.ts";
import { type Answer, type Asker, headerOf } from "./asker.ts";
import { DOCKER_HUB } from "./configuration.ts";
import type { SearchFilters, SearchResult } from "./search-options.ts";

const DEFAULT_SEARCH_LIMIT = 25;
const ANSWER_LIMIT_BYTES = 4 * 1024 * 1024;

/**
 * `registry.example.com/term`: in that registry; anything else in Docker Hub. Without a word, a
 * registry lists all. Throws `INVALID_ARGUMENT`.
 */
export function parseSearchTerm(text: string): { readonly domain: string; readonly term: string } {
  const { domain, path } = splitDomain(text);
  const term = path.replace(/^library\//, "");
  if (!isDomain(domain)) throw invalid(text, `"${domain}" is not a host`);
  if (domain === DOCKER_HUB && term === "") throw invalid(text, "a word to look for is missing");
  return { domain, term };
}

function invalid(text: string, why: string): MarmitaError {
  const shown = JSON.stringify(text.slice(0, 300));
  return new MarmitaError("INVALID_ARGUMENT", `invalid search term ${shown}: ${why}`, {
    details: { term: text.slice(0, 300) },
  });
}

/**
 * Docker Registry's first protocol, which is gone but for this: Docker Hub and some others have it.
 * `undefined` where the registry has not.
 */
export async function searchIndex(
  asker: Asker,
  term: string,
  { limit = DEFAULT_SEARCH_LIMIT, signal }: SearchFilters,
): Promise<readonly SearchResult[] | undefined> {
  const doing = `search ${asker.registry}`;
  const query = new URLSearchParams({ q: term, n: String(limit) });
  const answer = await asker.ask({
    doing,
    method: "GET",
    path: `/v1/search?${query.toString()}`,
    headers: { accept: "application/json" },
    // Whatever a registry says of a path that it does not know.
    accept: [200, 400, 401, 403, 404, 405, 406, 410, 501],
    signal,
  });
  if (answer.status !== 200 || !isJson(answer)) {
    answer.discard();
    return undefined;
  }
  const json = parseJson(await answer.read(ANSWER_LIMIT_BYTES), doing);
  return new JsonReader(json, doing).findList("results", parseResult)?.slice(0, limit);
}

function isJson(answer: Answer): boolean {
  return (headerOf(answer, "content-type") ?? "application/json").includes("json");
}

function parseResult(json: unknown, what: string): SearchResult {
  const fields = new JsonReader(json, what);
  return {
    name: fields.text("name").replace(/^library\//, ""),
    description: readable(() => fields.findText("description")) ?? "",
    starCount: readable(() => fields.findSize("star_count")) ?? 0,
    isOfficial: readable(() => fields.findFlag("is_official")) ?? false,
  };
}

/** Only names count: one odd word about an image is no reason to hide the others. */
function readable<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Those of the names that have the word in them, up to the limit. */
export async function searchNames(
  names: AsyncIterable<string>,
  term: string,
  { limit = DEFAULT_SEARCH_LIMIT }: SearchFilters,
): Promise<readonly SearchResult[]> {
  const found: SearchResult[] = [];
  const wanted = term.toLowerCase();
  for await (const name of names) {
    if (!name.includes(wanted)) continue;
    found.push({ name, description: "", starCount: 0, isOfficial: false });
    if (found.length >= limit) break;
  }
  return found;
}

export function filterResults(
  results: readonly SearchResult[],
  { isOfficial, stars = 0 }: SearchFilters,
): readonly SearchResult[] {
  return results.filter((one) => {
    return one.starCount >= stars && (isOfficial ?? one.isOfficial) === one.isOfficial;
  });
}
