import { constants } from "node:os";
import { describe, expect, it } from "vitest";
import { PassedSignals } from "../../../lib/runtime-cli/passed-signals.ts";

const { SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH } = constants.signals;

describe("signals that are passed on", () => {
  it("wait for the process, and keep their order", () => {
    using signals = new PassedSignals();
    const got: number[] = [];
    process.emit("SIGUSR1", "SIGUSR1");
    process.emit("SIGUSR2", "SIGUSR2");

    signals.to({ kill: (signal) => got.push(signal) });
    process.emit("SIGTERM", "SIGTERM");
    process.emit("SIGWINCH", "SIGWINCH");

    expect(got).toEqual([SIGUSR1, SIGUSR2, SIGTERM, SIGWINCH]);
    expect(signals.early.aborted).toBe(false);
  });

  it("end what is being made when they are to end something", () => {
    using signals = new PassedSignals();

    process.emit("SIGTERM", "SIGTERM");
    process.emit("SIGINT", "SIGINT");

    expect(signals.early.aborted).toBe(true);
    expect(signals.exitCode(new Error("aborted"))).toBe(128 + SIGTERM);
  });

  it("are no reason for what fails by itself", () => {
    using signals = new PassedSignals();
    process.emit("SIGUSR1", "SIGUSR1");

    expect(() => signals.exitCode(new Error("disk full"))).toThrow("disk full");
  });

  it("have their usual effect when all is over", () => {
    const before = process.listenerCount("SIGTERM");

    new PassedSignals()[Symbol.dispose]();

    expect(process.listenerCount("SIGTERM")).toBe(before);
  });
});
