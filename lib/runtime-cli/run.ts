/** `marmita-runtime run`. */
import { runContainer } from "../bundles/run.ts";
import type { RuntimeCommand } from "./command.ts";
import { bundleOf, CONTAINER_FLAGS, containerSettings } from "./container-flags.ts";
import { inForeground } from "./foreground.ts";

export const run: RuntimeCommand = {
  usage: "[OPTIONS] CONTAINER",
  about: [
    "The exit code is that of the container's process, 128 and its number after a signal. Signals " +
      "that this command gets are passed on. When it ends, however it does, so does the container.",
  ],
  arguments: { min: 1, max: 1 },
  flags: [
    ...CONTAINER_FLAGS,
    { name: "detach", short: "d", help: "Do not wait for its end: as `create` and `start`" },
    { name: "keep", help: "Do not delete the container when it has ended" },
  ],
  refused: {},
  async run(call) {
    const [id = ""] = call.args;
    const settings = containerSettings(call);
    const keep = call.flags.has("keep");
    if (call.flags.has("detach")) {
      const streams = { stdin: "inherit", stdout: "inherit", stderr: "inherit" } as const;
      await runContainer(id, bundleOf(call), { ...settings, ...streams, detach: true });
      return 0;
    }
    return inForeground((foreground) =>
      runContainer(id, bundleOf(call), { ...settings, ...foreground, keep }),
    );
  },
};
