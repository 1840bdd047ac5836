/** How far one layer is, as a line: `c5cd3f0f4e2b: Downloading [==>   ]  12.3MB/45MB`. */
import type { TransferPhase, TransferProgress } from "../images/progress.ts";
import { formatSize } from "./units.ts";
import { visible } from "./visible.ts";

export type TransferVerb = "pull" | "push";

/** Docker's words. */
const WORDS: Readonly<Record<TransferPhase, string>> = {
  resolving: "Resolving",
  resolved: "Resolved",
  waiting: "Waiting",
  exists: "Already exists",
  downloading: "Downloading",
  retrying: "Retrying",
  verifying: "Verifying Checksum",
  downloaded: "Download complete",
  unpacking: "Extracting",
  done: "Pull complete",
  preparing: "Preparing",
  uploading: "Pushing",
  mounted: "Mounted",
  uploaded: "Pushed",
};

const WORDS_OF_PULL: Partial<typeof WORDS> = { waiting: "Pulling fs layer" };
const WORDS_OF_PUSH: Partial<typeof WORDS> = { exists: "Layer already exists" };

/** The last word on a layer. */
const FINAL: ReadonlySet<TransferPhase> = new Set(["exists", "done", "mounted", "uploaded"]);

/** While these last, what is unpacked meanwhile is not shown. */
const ARRIVING: ReadonlySet<TransferPhase> = new Set(["downloading", "retrying", "verifying"]);

/** What is shown of a layer, which is downloaded and unpacked at once. */
export class ShownLayer {
  #shown: TransferProgress;
  /** When it was told, in milliseconds. */
  #since: number;
  #unpacking: TransferProgress | undefined;

  constructor(progress: TransferProgress, now: number) {
    this.#shown = progress;
    this.#since = now;
  }

  tell(progress: TransferProgress, now: number): void {
    const { phase } = progress;
    if (phase === "done" && this.#shown.phase === "exists") return;
    if (phase === "unpacking") this.#unpacking = progress;
    if (phase === "unpacking" && ARRIVING.has(this.#shown.phase)) return;
    this.#shown = phase === "downloaded" ? (this.#unpacking ?? progress) : progress;
    this.#since = now;
  }

  get isFinal(): boolean {
    return FINAL.has(this.#shown.phase);
  }

  /** Whether the line changes though nothing is told: seconds are counted down. */
  get counts(): boolean {
    return this.#shown.phase === "retrying";
  }

  line(verb: TransferVerb, columns: number, now: number): string {
    const start = formatStep(this.#shown, verb, now - this.#since);
    return start + formatMeasure(this.#shown, columns - start.length);
  }
}

/** Without a measure: `c5cd3f0f4e2b: Download complete`. */
export function formatStep(progress: TransferProgress, verb: TransferVerb, agoMs = 0): string {
  const { layer = "", phase, retry, from } = progress;
  const id = layer.slice("sha256:".length).slice(0, 12);
  const own = verb === "pull" ? WORDS_OF_PULL : WORDS_OF_PUSH;
  const words = own[phase] ?? WORDS[phase];
  if (retry !== undefined) return `${id}: ${formatRetry(retry, agoMs)}`;
  return `${id}: ${words}${from === undefined ? "" : ` from ${visible(from)}`}`;
}

function formatRetry(retry: NonNullable<TransferProgress["retry"]>, agoMs: number): string {
  const seconds = Math.max(1, Math.ceil((retry.delayMs - agoMs) / 1_000));
  const when = `Retrying in ${seconds} second${seconds === 1 ? "" : "s"}`;
  // Whose bytes they are stands before it.
  const reason = retry.reason.replaceAll(/\bhttps?:\/\/\S+ ?/g, "").replaceAll(/\s+/g, " ");
  return `${when} (${visible(reason)})`;
}

/** Docker's bar has this many signs; one with fewer than the least says nothing. */
const BAR = { most: 50, least: 10 };

/** ` [=====>     ]  12.3MB/45MB`, the bar in what room there is; nothing where nothing is known. */
function formatMeasure(progress: TransferProgress, columns: number): string {
  const { phase, currentBytes = 0, totalBytes = 0 } = progress;
  const isMeasured = phase === "downloading" || phase === "unpacking" || phase === "uploading";
  if (!isMeasured || (currentBytes <= 0 && totalBytes <= 0)) return "";
  const current = formatSize(currentBytes).padStart(8);
  if (totalBytes <= 0 || currentBytes > totalBytes) return ` ${current}`;
  const numbers = `${current}/${formatSize(totalBytes)}`;
  // The widest numbers are reckoned with, so that the bar keeps its length.
  const room = Math.min(BAR.most, columns - " [>] ".length - " 999.9MB/999.9MB".length);
  if (room < BAR.least) return ` ${numbers}`;
  const full = Math.floor((currentBytes / totalBytes) * room);
  return ` [${"=".repeat(full)}>${" ".repeat(room - full)}] ${numbers}`;
}
