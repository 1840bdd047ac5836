/** Containers of busybox for tests to look at, and their end. */
import type { CreateOptions } from "../../lib/engine/container-options.ts";
import type { Container } from "../../lib/engine/container.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { lineOf } from "./eventually.ts";

/** One that stays, whose first process reaps. */
export async function startSleeping(
  engine: Engine,
  options: Partial<CreateOptions> = {},
): Promise<Container> {
  const { container } = await engine.containers.createAndStart({
    image: "busybox",
    command: ["sleep", "600"],
    network: "none",
    init: true,
    remove: true,
    ...options,
  });
  return container;
}

/** One that runs a script, once it has printed `ready`: at once when its output goes elsewhere. */
export async function startReady(
  engine: Engine,
  script: string,
  options: Partial<CreateOptions> = {},
): Promise<Container> {
  const { container, process } = await engine.containers.createAndStart({
    image: "busybox",
    command: ["sh", "-c", script],
    network: "none",
    remove: true,
    ...options,
  });
  if (process.stdout !== undefined) await lineOf(process.stdout, /ready/);
  return container;
}

/** All there are, running or not; none of an engine that could not be opened here. */
export async function removeContainers(engine: Engine | undefined): Promise<void> {
  for (const { id } of (await engine?.containers.list()) ?? []) {
    await engine?.containers.remove(id, { force: true });
  }
}
