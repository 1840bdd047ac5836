/** What somebody says by a variable: an empty one says nothing. */

export function said(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
