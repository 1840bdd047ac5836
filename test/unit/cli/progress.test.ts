import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  PlainProgress,
  type ProgressOptions,
  TerminalProgress,
} from "../../../lib/cli/progress.ts";
import type { TransferProgress } from "../../../lib/images/progress.ts";
import { Screen } from "../../helpers/screen.ts";

const ONE = `sha256:${"1".repeat(64)}` as const;
const TWO = `sha256:${"2".repeat(64)}` as const;
const DIGEST = `sha256:${"d".repeat(64)}` as const;
const MB = 1_000_000;
const PULL: ProgressOptions = { verb: "pull", descriptor: 1 };
const reference = "docker.io/library/busybox:latest";

const PULLED: readonly TransferProgress[] = [
  { reference, phase: "resolving" },
  { reference, phase: "resolved", digest: DIGEST },
  { layer: ONE, phase: "exists" },
  { layer: TWO, phase: "waiting" },
  { layer: TWO, phase: "downloading", currentBytes: 12.3 * MB, totalBytes: 45 * MB },
  { layer: TWO, phase: "unpacking", currentBytes: 1 * MB, totalBytes: 45 * MB },
  { layer: TWO, phase: "downloading", currentBytes: 45 * MB, totalBytes: 45 * MB },
  { layer: TWO, phase: "verifying" },
  { layer: TWO, phase: "downloaded" },
  { layer: TWO, phase: "unpacking", currentBytes: 30 * MB, totalBytes: 45 * MB },
  { layer: ONE, phase: "done" },
  { layer: TWO, phase: "done" },
  { reference, phase: "done", isNew: true },
];

describe("progress without a terminal", () => {
  const plain = (progress: readonly TransferProgress[], options = PULL) => {
    const lines: string[] = [];
    const shown = new PlainProgress((text) => lines.push(text.trimEnd()), options);
    for (const each of progress) shown.onProgress(each);
    return lines;
  };

  it("is one line for each step, in Docker's words", () => {
    expect(plain(PULLED)).toEqual([
      "latest: Pulling from library/busybox",
      "111111111111: Already exists",
      "222222222222: Pulling fs layer",
      "222222222222: Verifying Checksum",
      "222222222222: Download complete",
      "222222222222: Pull complete",
      `Digest: ${DIGEST}`,
      "Status: Downloaded newer image for busybox:latest",
    ]);
  });

  it("names what is up to date", () => {
    const lines = plain([
      { reference, phase: "resolved", digest: DIGEST },
      { reference, phase: "done", isNew: false },
    ]);

    expect(lines.slice(1)).toEqual([
      `Digest: ${DIGEST}`,
      "Status: Image is up to date for busybox:latest",
    ]);
  });

  it("names what was asked for by its digest", () => {
    const byDigest = `docker.io/library/busybox@${DIGEST}`;

    expect(plain([{ reference: byDigest, phase: "resolved", digest: DIGEST }])).toEqual([
      `${byDigest}: Pulling from library/busybox`,
    ]);
  });

  it("of one of several images ends with the digest", () => {
    const lines = plain(PULLED, { ...PULL, isOneOfSeveral: true });

    expect(lines.at(-1)).toBe(`Digest: ${DIGEST}`);
  });

  it("of a push has Docker's words for that", () => {
    const lines = plain(
      [
        { reference, phase: "resolving" },
        { layer: ONE, phase: "preparing" },
        { layer: TWO, phase: "preparing" },
        { layer: ONE, phase: "waiting" },
        { layer: ONE, phase: "uploading", currentBytes: 1, totalBytes: 2 },
        { layer: TWO, phase: "mounted", from: "library/debian" },
        { layer: ONE, phase: "uploaded" },
        { layer: ONE, phase: "exists" },
        { reference, phase: "done" },
      ],
      { ...PULL, verb: "push" },
    );

    expect(lines).toEqual([
      "111111111111: Preparing",
      "222222222222: Preparing",
      "111111111111: Waiting",
      "222222222222: Mounted from library/debian",
      "111111111111: Pushed",
      "111111111111: Layer already exists",
    ]);
  });

  it("tells what it is tried again for, on one line", () => {
    const retry = { attempt: 2, delayMs: 4_200, reason: "connection\nreset\x1b[31m" };

    expect(plain([{ layer: ONE, phase: "retrying", retry }])).toEqual([
      "111111111111: Retrying in 5 seconds (connection reset\\u001b[31m)",
    ]);
  });
});

describe("progress in a terminal", () => {
  let screen: Screen;
  let shown: TerminalProgress;

  beforeEach(() => {
    vi.useFakeTimers();
    screen = new Screen(120, 24);
    shown = new TerminalProgress(screen, PULL);
  });
  afterEach(() => {
    shown[Symbol.dispose]();
    vi.useRealTimers();
  });

  const tell = (progress: readonly TransferProgress[]) => {
    for (const each of progress) shown.onProgress(each);
  };
  const draw = () => vi.advanceTimersByTime(100);

  it("is a line with a bar for each layer", () => {
    tell(PULLED.slice(0, 5));
    draw();

    expect(screen.lines).toEqual([
      "latest: Pulling from library/busybox",
      "111111111111: Already exists",
      `222222222222: Downloading [${"=".repeat(13)}>${" ".repeat(37)}]   12.3MB/45MB`,
    ]);
  });

  it.each([
    ["while it comes, how much has come", 6, /: Downloading \[=+> +\] {3}12\.3MB\/45MB$/],
    ["when it is here, how much is unpacked", 9, /: Extracting \[=> +\] {6}1MB\/45MB$/],
    ["then as it goes on", 10, /: Extracting \[=+> +\] {5}30MB\/45MB$/],
  ])("shows of a layer that is unpacked as it comes: %s", (_, events, line) => {
    tell(PULLED.slice(0, events));
    draw();

    expect(screen.lines[2]).toMatch(line);
  });

  it("leaves what a pipe would get, less what is over", () => {
    tell(PULLED);

    expect(screen.lines).toEqual([
      "latest: Pulling from library/busybox",
      "111111111111: Already exists",
      "222222222222: Pull complete",
      `Digest: ${DIGEST}`,
      "Status: Downloaded newer image for busybox:latest",
    ]);
  });

  it.each([
    [80, `222222222222: Downloading [${"=".repeat(9)}>${" ".repeat(24)}]   12.3MB/45MB`],
    [48, "222222222222: Downloading   12.3MB/45MB"],
    [30, "222222222222: Downloading   1"],
  ])("fits into %i columns", (columns, line) => {
    screen.narrow(columns);
    tell(PULLED.slice(3, 5));
    draw();

    expect(screen.lines).toEqual([line]);
  });

  it("shows how much has come where nobody knows how much there is", () => {
    tell([{ layer: ONE, phase: "downloading", currentBytes: 5 * MB }]);
    draw();

    expect(screen.lines).toEqual(["111111111111: Downloading      5MB"]);
  });

  it("counts the seconds down to the next attempt", () => {
    const retry = { attempt: 2, delayMs: 3_000, reason: "reset" };
    tell([{ layer: ONE, phase: "retrying", retry }]);
    draw();
    expect(screen.lines).toEqual(["111111111111: Retrying in 3 seconds (reset)"]);

    vi.advanceTimersByTime(2_000);
    expect(screen.lines).toEqual(["111111111111: Retrying in 1 second (reset)"]);

    tell([{ layer: ONE, phase: "downloading", currentBytes: 1, totalBytes: 0 }]);
    draw();
    expect(screen.lines).toEqual(["111111111111: Downloading       1B"]);
  });

  it("draws ten times a second, however much is told", () => {
    const write = vi.spyOn(screen, "write");
    for (let told = 0; told < 1_000; told++) {
      tell([{ layer: ONE, phase: "downloading", currentBytes: told, totalBytes: 1_000 }]);
      vi.advanceTimersByTime(1);
    }

    expect(write.mock.calls.length).toBeLessThanOrEqual(11);
  });

  it("leaves the lines as they are when it is broken off", () => {
    tell(PULLED.slice(0, 5));
    shown[Symbol.dispose]();
    shown[Symbol.dispose]();
    draw();

    expect(screen.lines).toHaveLength(3);
    expect(screen.lines[2]).toMatch(/^222222222222: Downloading \[/);
  });

  it("ends the work when nobody can see it any more", () => {
    tell(PULLED.slice(0, 3));
    vi.spyOn(screen, "write").mockImplementation(() => {
      throw new Error("gone");
    });
    draw();

    expect(() => tell(PULLED.slice(3))).toThrow("gone");
    expect(() => shown[Symbol.dispose]()).not.toThrow();
  });

  it("listens to nothing any more when it is over", () => {
    const before = process.listenerCount("SIGWINCH");
    shown[Symbol.dispose]();

    expect(process.listenerCount("SIGWINCH")).toBe(before - 1);
  });
});
