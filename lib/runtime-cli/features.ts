/** `marmita-runtime features`. */
import { runtimeFeatures } from "../bundles/features.ts";
import { print } from "../cli/output.ts";
import type { RuntimeCommand } from "./command.ts";

export const features: RuntimeCommand = {
  usage: "",
  about: ["The form is that of the OCI runtime specification (features.md)."],
  arguments: { min: 0, max: 0 },
  flags: [],
  refused: {},
  async run() {
    print(`${JSON.stringify(runtimeFeatures(), undefined, 2)}\n`);
    return 0;
  },
};
