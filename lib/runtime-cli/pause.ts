/** `marmita-runtime pause` and `marmita-runtime resume`. */
import { pauseContainer, resumeContainer } from "../bundles/pause.ts";
import type { RuntimeCommand } from "./command.ts";

const CONTAINER = {
  usage: "CONTAINER",
  arguments: { min: 1, max: 1 },
  flags: [],
  refused: {},
} as const;

export const pause: RuntimeCommand = {
  ...CONTAINER,
  about: [
    "By the freezer of its control group; without one each process is sent SIGSTOP, which " +
      "those that are its parents can see.",
  ],
  async run({ args: [id = ""], global: { root } }) {
    await pauseContainer(id, { root });
    return 0;
  },
};

export const resume: RuntimeCommand = {
  ...CONTAINER,
  async run({ args: [id = ""], global: { root } }) {
    await resumeContainer(id, { root });
    return 0;
  },
};
