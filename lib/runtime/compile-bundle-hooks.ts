/** The hooks of a config.json that are carried out while its container is made and started. */
import { HOOK, type Plan } from "../native/plan.ts";
import type { Hook, Hooks } from "../oci/runtime-spec.ts";
import type { BundleContext } from "./bundle-context.ts";

/** With all mounts there, and the host's tree still: those of the runtime first (config.md). */
export function hookOperations(hooks: Hooks = {}, { bundle, hookState }: BundleContext): Plan {
  const { prestart = [], createRuntime = [], createContainer = [], startContainer = [] } = hooks;
  const hasRuntimeHooks = prestart.length > 0 || createRuntime.length > 0;
  return [
    ...(hasRuntimeHooks ? [["runtime-hooks"] as const] : []),
    ...(createContainer.length > 0 ? [["bundle", bundle] as const] : []), // where they begin
    ...hooksOf(HOOK.CREATE_CONTAINER, createContainer, hookState("creating")),
    // Wherever they stand: it carries them out when it is started.
    ...hooksOf(HOOK.START_CONTAINER, startContainer, hookState("created")),
  ];
}

function hooksOf(when: number, hooks: readonly Hook[], state: string): Plan {
  return hooks.map(({ path, args = [path], env = [], timeout = 0 }) => {
    return ["hook", when, timeout * 1000, path, args, env, state] as const;
  });
}
