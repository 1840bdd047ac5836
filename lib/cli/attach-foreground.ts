/** A container in the background, brought to the foreground: it was there before us, and goes on after us. */
import { constants } from "node:os";
import { RawTerminal } from "../native/raw-terminal.ts";
import { type Attachable, attach, type ProxiedSignals } from "./attach.ts";
import { type Shown, showOnHost } from "./host-terminal.ts";

export interface Foreground {
  readonly running: Attachable & Shown;
  /** It has a terminal. */
  readonly tty: boolean;
  /** Our stdin is passed on; with `tty` it is a terminal. */
  readonly interactive: boolean;
  /** They let go of it, where somebody can type them. */
  readonly detachKeys: Uint8Array | undefined;
  /** Without `tty`, signals to us are passed on to it. */
  readonly proxySignals: boolean;
  /** Caught with `proxy`. */
  readonly signals: ProxiedSignals;
  /** Called when the keys were typed, and our terminal is as it was. */
  readonly onDetach?: (() => void) | undefined;
}

const STDIN = 0;
const NOT_SHOWN: Shown = { resize: () => undefined };

/**
 * Resolves to its exit code; to 0 when it was let go of, and after a signal that is not passed on to
 * 128 and its number.
 */
export async function attachInForeground(foreground: Foreground): Promise<number> {
  let isDetached = false;
  const exitCode = await show(foreground, () => (isDetached = true));
  if (isDetached) foreground.onDetach?.();
  return exitCode;
}

async function show(
  { running, tty, interactive, detachKeys, proxySignals, signals }: Foreground,
  onDetach: () => void,
): Promise<number> {
  // Where nothing else is typed the keys are all that is waited for, one by one.
  const watchKeys = !interactive && detachKeys !== undefined && process.stdin.isTTY;
  const raw =
    (tty && interactive) || watchKeys ? new RawTerminal(STDIN, { forKeys: watchKeys }) : undefined;
  const leaving = new AbortController();
  const leaver = { kill: () => leaving.abort() };
  // It is not ours to be killed: who asks us three times gets rid of us.
  const passing = {
    kill: (signal: number) => {
      if (signal === constants.signals.SIGKILL) leaving.abort();
      else running.kill(signal);
    },
  };
  if (tty || !proxySignals) signals.hangUp(leaver);
  else signals.to(passing);
  if (tty) redraw(running);
  using _shown = tty || raw !== undefined ? showOnHost(tty ? running : NOT_SHOWN, raw) : undefined;
  const exitCode = await attach(running, process, {
    detachKeys: raw === undefined ? undefined : detachKeys,
    onDetach,
    watchKeys,
    outlives: true,
    leave: leaving.signal,
  });
  return signals.hungUpBy === undefined ? exitCode : 128 + signals.hungUpBy;
}

/** What was shown before we came is shown again by programs that are told of another size. */
function redraw(running: Shown): void {
  const [columns = 0, rows = 0] = process.stdout.isTTY ? process.stdout.getWindowSize() : [];
  if (columns > 0 && rows > 0 && rows < 65_535) running.resize(columns, rows + 1);
}
