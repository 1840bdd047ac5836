/** Lists that come in pages, each with a link to the next (distribution-spec, "Listing Tags"). */
import { parseJson } from "../util/json.ts";
import { throwIfAborted } from "../util/abort.ts";
import { again } from "./again.ts";
import { type Answer, type Ask, type Asker, contentTypeOf, headerOf, nonsense } from "./asker.ts";

/** A page with more is none of a list of names. */
const PAGE_LIMIT_BYTES = 16 * 1024 * 1024;
/** A registry that has more pages than these goes round in circles. */
const MOST_PAGES = 2_000;

export interface Page {
  readonly json: unknown;
  readonly answer: Answer;
}

type Asked = Pick<
  Ask,
  "doing" | "reference" | "path" | "headers" | "accept" | "signal" | "onRetry"
> & {
  /** What is of another type is no page. Default: any will do. */
  readonly mediaType?: string;
};

/** From `first` on; the statuses beside 200 that are accepted end it, and what is no page. */
export async function* pagesOf(asker: Asker, first: Asked): AsyncGenerator<Page> {
  let path: string | URL | undefined = first.path;
  const seen = new Set<string>();
  for (let count = 0; path !== undefined; count++) {
    throwIfAborted(first.signal);
    if (count === MOST_PAGES || seen.has(String(path))) {
      throw nonsense(asker, `${first.doing}: the registry's list has no end`);
    }
    seen.add(String(path));
    const at: string | URL = path;
    const page: Page | undefined = await again(
      asker,
      () => readPage(asker, { ...first, path: at }),
      first,
    );
    if (page === undefined) return;
    yield page;
    path = nextOf(page.answer);
  }
}

async function readPage(asker: Asker, { mediaType, ...ask }: Asked): Promise<Page | undefined> {
  const answer = await asker.ask({ ...ask, method: "GET" });
  const isPage = mediaType === undefined || contentTypeOf(answer) === mediaType;
  if (answer.status !== 200 || !isPage) {
    answer.discard();
    return undefined;
  }
  const bytes = await answer.read(PAGE_LIMIT_BYTES);
  return { json: parseJson(bytes, ask.doing), answer };
}

/** `</v2/_catalog?last=b&n=2>; rel="next"` (RFC 8288); never on another host than this page. */
function nextOf(answer: Answer): URL | undefined {
  const link = headerOf(answer, "link") ?? "";
  const [, target] = /<([^<>]{1,4096})>\s*;[^<]*\brel="?next"?/i.exec(link) ?? [];
  if (target === undefined || !URL.canParse(target, answer.url.href)) return undefined;
  const { pathname, search } = new URL(target, answer.url);
  return new URL(pathname + search, answer.url);
}
