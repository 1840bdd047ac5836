/** `WWW-Authenticate`: how a registry wants to be asked (RFC 9110, 11.6.1). */

export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** By names in lower case; the first of two with one name. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** What is longer is no challenge of a registry. */
const LONGEST_HEADER = 16 * 1024;
const MOST_CHALLENGES = 16;

const SPACES = /[ \t]*/y;
const COMMAS = /[ \t,]*/y;
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/sy;
const TOKEN68 = /[0-9A-Za-z._~+/-]+=*(?=[ \t]*(?:,|$))/y;

/** Those up to where the header is malformed; none is the answer to nonsense. */
export function parseChallenges(header: string | undefined): readonly Challenge[] {
  if (header === undefined || header.length > LONGEST_HEADER) return [];
  const reader = new Reader(header);
  const challenges: Challenge[] = [];
  while (challenges.length < MOST_CHALLENGES) {
    const isSeparate = reader.take(COMMAS)?.includes(",") === true;
    const scheme = reader.take(TOKEN);
    if (scheme === undefined || !(isSeparate || challenges.length === 0)) break;
    const parameters = readParameters(reader);
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
  }
  return challenges;
}

/** A name without `=` after it is the next challenge's scheme. */
function readParameters(reader: Reader): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  reader.take(SPACES);
  for (;;) {
    const start = reader.at;
    reader.take(COMMAS);
    const [name, value] = readParameter(reader);
    if (value === undefined) {
      reader.at = start;
      // The one token that some schemes have in place of parameters.
      if (parameters.size === 0) reader.take(TOKEN68);
      return parameters;
    }
    if (!parameters.has(name)) parameters.set(name, value);
  }
}

function readParameter(reader: Reader): readonly [name: string, value: string | undefined] {
  const name = reader.take(TOKEN)?.toLowerCase() ?? "";
  reader.take(SPACES);
  if (name === "" || !reader.takeText("=")) return [name, undefined];
  reader.take(SPACES);
  return [name, reader.takeQuoted() ?? reader.take(TOKEN)];
}

class Reader {
  at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) return undefined;
    this.at += found.length;
    return found;
  }

  takeText(text: string): boolean {
    if (!this.#text.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  takeQuoted(): string | undefined {
    const quoted = this.take(QUOTED);
    return quoted?.slice(1, -1).replaceAll(/\\(.)/gs, "$1");
  }
}
