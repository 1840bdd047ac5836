/** URLs as people see them, in errors and logs: without what may be secret. */

const LONGEST = 300;

/** Without user and password, query and fragment. */
export function shownUrl(url: URL): string {
  const text = `${url.protocol}//${url.host}${url.pathname}`;
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** A text of somebody else's, with the URLs in it shown like that. */
export function withShownUrls(text: string): string {
  return text
    .replaceAll(/([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@"'<>]*@/gi, "$1")
    .replaceAll(/([a-z][a-z0-9+.-]*:\/\/[^\s?#"'<>]*)[?#][^\s"'<>]*/gi, "$1");
}
