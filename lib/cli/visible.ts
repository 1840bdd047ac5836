/** Control characters made visible: no name out of an image may steer the terminal. */

/** Newlines and tabs stay. What was JSON stays JSON: the escapes are those that it has. */
export function visible(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]/gu, (control) => {
    return `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
