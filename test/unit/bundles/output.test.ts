/** What is kept of the output of a bundle's process. */
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { collect } from "../../../lib/bundles/output.ts";

const streams = (stdout: string, stderr: string) => ({
  stdin: undefined,
  stdout: Readable.from([Buffer.from(stdout)]),
  stderr: Readable.from([Buffer.from(stderr)]),
});

describe("output that is kept", () => {
  it.for([
    ["beans", "", true],
    ["", "beans", true],
    ["bean", "bean", false],
  ] as const)("%j and %j, of which 4 bytes are: cut is %j", async ([stdout, stderr, truncated]) => {
    expect(await collect(streams(stdout, stderr), { maxOutputBytes: 4 })).toEqual({
      stdout: stdout.slice(0, 4),
      stderr: stderr.slice(0, 4),
      truncated,
    });
  });
});
