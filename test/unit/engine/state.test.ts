import { describe, expect, it } from "vitest";
import { deriveState } from "../../../lib/engine/state.ts";

const STARTED = "2026-01-02T03:04:05.000000006Z";
const FINISHED = "2026-01-02T03:04:06.000000007Z";

describe("the state of a container", () => {
  it.each([
    ["is created without traces", { exit: undefined, live: undefined }, { status: "created" }],
    ["is created while it starts", { exit: undefined, live: {} }, { status: "created" }],
    [
      "is running once its keeper says so",
      { exit: undefined, live: { pid: 7, startedAt: STARTED } },
      { status: "running", pid: 7, startedAt: STARTED },
    ],
    [
      "is paused while its processes stand still",
      { exit: undefined, live: { pid: 7, startedAt: STARTED, paused: true, restartCount: 1 } },
      { status: "paused", pid: 7, startedAt: STARTED, restartCount: 1 },
    ],
    [
      "is restarting between two runs, and says how the last one ended",
      {
        exit: undefined,
        live: {
          restarting: true,
          startedAt: STARTED,
          finishedAt: FINISHED,
          exitCode: 3,
          restartCount: 2,
        },
      },
      {
        status: "restarting",
        startedAt: STARTED,
        finishedAt: FINISHED,
        exitCode: 3,
        restartCount: 2,
      },
    ],
    [
      "is exited after its end, though its keeper still tidies up",
      {
        exit: { exitCode: 3, startedAt: STARTED, finishedAt: FINISHED },
        live: { pid: 7, startedAt: STARTED },
      },
      { status: "exited", exitCode: 3, startedAt: STARTED, finishedAt: FINISHED },
    ],
    [
      "is created when the start failed, with the reason",
      { exit: { exitCode: 127, finishedAt: FINISHED, error: "exec /no" }, live: undefined },
      { status: "created", exitCode: 127, finishedAt: FINISHED, error: "exec /no" },
    ],
  ])("%s", (_what, traces, state) => {
    expect(deriveState(traces)).toEqual(state);
  });
});
