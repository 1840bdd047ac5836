/** `marmita debug plan`: what marmita-init is told to do for a container. Not in the help. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { decodePlan, formatPlan } from "../native/plan.ts";
import { Paths } from "../store/paths.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { print } from "./output.ts";
import { visible } from "./visible.ts";

export const debugPlan: Command = {
  usage: "CONTAINER",
  arguments: { min: 1, max: 1 },
  flags: [],
  refused: {},
  async run({ args, engine: options }) {
    await using engine = await openCliEngine(options);
    const { id } = await engine.containers.get(args[0] ?? "");
    const bundle = new Paths(engine.root).container(id);
    print(visible(formatPlan(decodePlan(await readFile(join(bundle, "plan"))))));
    return 0;
  },
};
