/** What must not be shown of a request, taken out of texts that others made. */
import { withShownUrls } from "./shown-url.ts";
import type { WireRequest } from "./wire-message.ts";

const SECRET = "[secret]";
/** What is shorter would be found in any text. */
const SHORTEST = 4;

/** URLs lose their queries; `url` is where the request ended, after redirects. */
export function withoutSecrets(text: string, request: WireRequest, url: URL): string {
  let clean = text;
  const secrets = [...secretsOf(request), ...queryOf(url), ...queryOf(request.url)];
  // The longest first: one may be a part of another.
  for (const secret of secrets.toSorted((one, other) => other.length - one.length)) {
    if (secret.length >= SHORTEST) clean = clean.replaceAll(secret, SECRET);
  }
  return withShownUrls(clean);
}

function secretsOf({ headers = {} }: WireRequest): readonly string[] {
  const found: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (name.toLowerCase() !== "authorization") continue;
    const [scheme = "", token = ""] = value.split(/\s+/, 2);
    found.push(value, token);
    if (scheme.toLowerCase() === "basic") found.push(...passwordOf(token));
  }
  return found;
}

function passwordOf(token: string): readonly string[] {
  const pair = Buffer.from(token, "base64").toString();
  const password = pair.slice(pair.indexOf(":") + 1);
  return [pair, password, encodeURIComponent(password)];
}

function queryOf({ search }: URL): readonly string[] {
  return search.length > 1 ? [search.slice(1)] : [];
}
