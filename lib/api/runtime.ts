/** runtime: containers made of OCI bundles, by the operations of the OCI runtime specification. */
import { createContainer } from "../bundles/create.ts";
import { deleteContainer } from "../bundles/delete.ts";
import { execInContainer } from "../bundles/exec.ts";
import { type RuntimeFeatures, runtimeFeatures } from "../bundles/features.ts";
import { killContainer } from "../bundles/kill.ts";
import { pauseContainer, resumeContainer } from "../bundles/pause.ts";
import { listProcesses } from "../bundles/ps.ts";
import { runContainer } from "../bundles/run.ts";
import { startContainer } from "../bundles/start.ts";
import { getState, listStates } from "../bundles/state.ts";
import { check } from "../util/check.ts";

/** What a low-level runtime does (runtime-spec, runtime.md, "Operations"). */
export const runtime = {
  create: createContainer,
  start: startContainer,
  run: runContainer,
  kill: killContainer,
  delete: deleteContainer,
  state: getState,
  list: listStates,
  exec: execInContainer,
  pause: pauseContainer,
  resume: resumeContainer,
  ps: listProcesses,
  features,
} as const;

/** The same on every machine of one version: what the kernel has of it is another question. */
async function features(options: Readonly<Record<string, never>> = {}): Promise<RuntimeFeatures> {
  check({}, options);
  return runtimeFeatures();
}
