import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const NO_REGISTRIES = fileURLToPath(new URL("fixtures/registries/none.json", import.meta.url));

/** One project for each folder of tests; house rules on what belongs where: CONTRIBUTING.md. */
const seconds = (count: number) => ({ testTimeout: count * 1_000, hookTimeout: count * 2_000 });

const project = (name: string, timeouts: ReturnType<typeof seconds>) => ({
  extends: true as const,
  test: { name, include: [`test/${name}/**/*.test.ts`], ...timeouts },
});

export default defineConfig({
  test: {
    // A failing test is news: nothing is tried twice.
    retry: 0,
    passWithNoTests: true,
    // No test asks Docker Hub: an image that is not here is not there either.
    env: { MARMITA_REGISTRIES: NO_REGISTRIES },
    reporters: ["default", "./tools/skips-reporter.mjs"],
    // Tests start processes and pass descriptors to them: a worker thread would share both.
    pool: "forks",
    projects: [
      project("unit", seconds(5)),
      // Suites for each implementation of an interface; files here are called by other projects,
      // except those that are tests of their own.
      project("contract", seconds(5)),
      project("integration", seconds(60)),
      project("security", seconds(60)),
      project("conformance", seconds(180)),
      project("docs", seconds(60)),
    ],
  },
});
