/** `marmita/vitest`: tests with a container each, as fixtures of Vitest. */
import { type TestAPI, test as plain } from "vitest";
import type { Container } from "../index.ts";
import { TestContainers, type TestContainerOptions } from "./test-containers.ts";

export type { TestContainerOptions } from "./test-containers.ts";

export interface ContainerTestOptions extends TestContainerOptions {
  /** Who shares one: nobody, the tests of a file, or all that a worker runs. Default: `test`. */
  readonly scope?: "test" | "file" | "worker";
}

/** What a test gets. */
export interface ContainerFixture {
  /** It runs, is ready, and goes with its scope. */
  readonly container: Container;
}

/**
 * Vitest's `test` with one fixture more. What `prepare` does is done once in each worker, when the
 * first test asks for a container. Throws `INVALID_ARGUMENT`.
 *
 *     const test = containerTest({ image: "busybox", network: "none" });
 *
 *     test("echoes", async ({ container, expect }) => {
 *       const { stdout } = await container.exec(["echo", "hello"]);
 *       expect(stdout).toBe("hello\n");
 *     });
 */
export function containerTest({
  scope = "test",
  ...options
}: ContainerTestOptions): TestAPI<ContainerFixture> {
  const source = new TestContainers(options);
  return plain
    .extend<{ readonly testContainers: TestContainers }>({
      testContainers: [
        // oxlint-disable-next-line no-empty-pattern -- Vitest reads the names from it
        async ({}, use) => {
          await using opened = source;
          await use(opened);
        },
        { scope: "worker" },
      ],
    })
    .extend<ContainerFixture>({
      container: [
        async ({ testContainers }, use) => {
          await using container = await testContainers.next();
          await use(container);
        },
        { scope },
      ],
    });
}
