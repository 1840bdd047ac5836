/** `html`, `js` and `urlquery` of templates. */

const HTML: Readonly<Record<string, string>> = {
  "\0": "\uFFFD",
  '"': "&#34;",
  "'": "&#39;",
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
};

export function escapeHtml(text: string): string {
  return text.replaceAll(/[\0"'&<>]/g, (char) => HTML[char] ?? char);
}

const JS: Readonly<Record<string, string>> = { "\\": "\\\\", "'": "\\'", '"': '\\"' };

/** For a string in JavaScript. */
export function escapeJs(text: string): string {
  return text.replaceAll(/[\\'"<>&=]|[\p{C}\p{Zl}\p{Zp}]/gu, (char) => {
    return JS[char] ?? `\\u${hex(char, 4)}`;
  });
}

/** For the query of a URL. */
export function escapeQuery(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString())
    .replaceAll(/[!'()*]/g, (char) => `%${hex(char, 2)}`)
    .replaceAll("%20", "+");
}

function hex(char: string, digits: number): string {
  return (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(digits, "0");
}
