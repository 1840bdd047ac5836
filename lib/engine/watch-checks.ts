/** Options of what watches containers, checked at the door. */
import { abortSignal, check, words } from "../util/check.ts";
import type { TopOptions } from "./top.ts";

export function checkTopOptions(options: TopOptions): void {
  check<TopOptions>({ psArgs: words, signal: abortSignal }, options);
}
