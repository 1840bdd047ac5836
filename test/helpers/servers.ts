/** Servers of tests: whatever a test file starts ends with it. */
import { afterAll } from "vitest";

const closing = new Set<() => void | Promise<void>>();

afterAll(closeServers);

/** `close` is called when the tests of the file are over, before `expectNothingLeft` looks. */
export function endsWithTests(close: () => void | Promise<void>): void {
  closing.add(close);
}

/** Close every server there is. Called twice is fine. */
export async function closeServers(): Promise<void> {
  for (const close of closing) {
    closing.delete(close);
    await close();
  }
}
