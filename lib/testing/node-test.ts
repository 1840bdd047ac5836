/** `marmita/node-test`: tests with a container each, for the runner that is part of Node. */
import { type TestContext, type TestOptions, after, test as plain } from "node:test";
import type { Container } from "../index.ts";
import { TestContainers, type TestContainerOptions } from "./test-containers.ts";

export type { TestContainerOptions } from "./test-containers.ts";

export interface ContainerTestOptions extends TestContainerOptions {
  /** Who shares one: nobody, or all tests of a file, each of which Node runs in a process. Default: `test`. */
  readonly scope?: "test" | "file";
}

/** What a test gets, before its context. */
export interface ContainerFixture {
  /** It runs, is ready, and goes with its scope. */
  readonly container: Container;
}

export type ContainerTestFunction = (fixture: ContainerFixture, context: TestContext) => unknown;

/** `test`, `test.skip`, `test.only` and `test.todo` of node:test. */
export interface ContainerTest extends OneTest {
  readonly skip: OneTest;
  readonly only: OneTest;
  readonly todo: OneTest;
}

interface OneTest {
  (name: string, test: ContainerTestFunction): Promise<void>;
  (name: string, options: TestOptions, test: ContainerTestFunction): Promise<void>;
}

/**
 * node:test's `test`, whose functions get a container first. What `prepare` does is done once in a
 * file, when the first test asks for a container. Throws `INVALID_ARGUMENT`.
 *
 *     const test = containerTest({ image: "busybox", network: "none" });
 *
 *     test("echoes", async ({ container }) => {
 *       const { stdout } = await container.exec(["echo", "hello"]);
 *       assert.equal(stdout, "hello\n");
 *     });
 */
export function containerTest({ scope = "test", ...options }: ContainerTestOptions): ContainerTest {
  const source = new TestContainers(options);
  let shared: Promise<Container> | undefined;
  after(async () => {
    await using _opened = source;
    await (await shared?.catch(() => undefined))?.[Symbol.asyncDispose]();
  });
  const run = async (test: ContainerTestFunction, context: TestContext): Promise<void> => {
    if (scope === "file") {
      await test({ container: await (shared ??= source.next()) }, context);
      return;
    }
    await using container = await source.next();
    await test({ container }, context);
  };
  const one = (register: typeof plain.skip): OneTest => {
    return async (
      name,
      ...rest: [TestOptions, ContainerTestFunction] | [ContainerTestFunction]
    ) => {
      const [settings, test] = rest.length === 1 ? [{}, rest[0]] : rest;
      await register(name, settings, (context: TestContext) => run(test, context));
    };
  };
  return Object.assign(one(plain), {
    skip: one(plain.skip),
    only: one(plain.only),
    todo: one(plain.todo),
  });
}
