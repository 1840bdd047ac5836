import { afterEach, describe, expect, it, vi } from "vitest";

describe("on another system than Linux", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  // It reads every module of the library.
  it(
    "the package is imported, and run() rejects with UNSUPPORTED",
    { timeout: 60_000 },
    async () => {
      const own = process;
      vi.stubGlobal(
        "process",
        new Proxy(own, {
          get: (target, name) => (name === "platform" ? "darwin" : Reflect.get(target, name)),
        }),
      );
      vi.resetModules();

      const { openEngine, run, version } = await import("../../../lib/index.ts");

      const unsupported = { code: "UNSUPPORTED", message: "containers need Linux, this is darwin" };
      await expect(run("busybox", ["true"])).rejects.toMatchObject(unsupported);
      await expect(openEngine()).rejects.toMatchObject(unsupported);
      expect(version().version).toMatch(/^\d+\.\d+\.\d+/);
    },
  );
});
