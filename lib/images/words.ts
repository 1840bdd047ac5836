/** Words of a Dockerfile instruction: split at blanks, quotes taken off, variables expanded. */

export type Variables = ReadonlyMap<string, string>;

/** Split at blanks outside of quotes; quotes and backslashes stay, for `expandWord`. */
export function splitWords(text: string): readonly string[] {
  const words: string[] = [];
  let word = "";
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (quote === "" && /\s/.test(character)) {
      if (word !== "") words.push(word);
      word = "";
      continue;
    }
    word += character;
    if (character === "\\" && quote !== "'") word += text.charAt(++at);
    else if (character === quote) quote = "";
    else if (quote === "" && /["']/.test(character)) quote = character;
  }
  return word === "" ? words : [...words, word];
}

/** One word as it is meant: `"a $B"` with B=1 is `a 1`. Throws `SyntaxError`. */
export function expandWord(text: string, variables: Variables): string {
  let result = "";
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === quote) {
      quote = "";
    } else if (quote === "" && /["']/.test(character)) {
      quote = character;
    } else if (character === "\\" && quote !== "'") {
      const next = text.charAt(++at);
      result += quote === '"' && !/["$\\]/.test(next) ? character + next : next;
    } else if (character === "$" && quote !== "'") {
      const { value, length } = expandVariable(text.slice(at), variables);
      result += value;
      at += length - 1;
    } else {
      result += character;
    }
  }
  if (quote !== "") throw new SyntaxError(`a ${quote} is not closed`);
  return result;
}

/** `$NAME`, `${NAME}`, `${NAME:-word}`, `${NAME:+word}` at the start of `text`. */
function expandVariable(text: string, variables: Variables): { value: string; length: number } {
  const plain = /^\$([A-Za-z_][A-Za-z0-9_]*)/.exec(text);
  if (plain?.[1] !== undefined) {
    return { value: variables.get(plain[1]) ?? "", length: plain[0].length };
  }
  if (!text.startsWith("${")) return { value: "$", length: 1 };
  const braced =
    /^\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([-+])((?:[^{}\\$]|\\.|\$[^{]|\$\{[^{}]*\})*))?\}/s.exec(
      text,
    );
  if (braced === null) throw new SyntaxError("a ${ is not closed, or not understood");
  const [whole, name = "", operator, word = ""] = braced;
  const value = variables.get(name) ?? "";
  const length = whole.length;
  if (operator === "-") return { value: value || expandWord(word, variables), length };
  if (operator === "+") return { value: value && expandWord(word, variables), length };
  return { value, length };
}
