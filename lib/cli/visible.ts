/** What steers a terminal made visible: no name out of an image may do so. */

/** Control characters but newlines and tabs; and what has letters shown in another order. */
const STEERING = /[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu;

/** Newlines and tabs stay. What was JSON stays JSON: the escapes are those that it has. */
export function visible(text: string): string {
  return text.replaceAll(STEERING, (control) => {
    return `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
