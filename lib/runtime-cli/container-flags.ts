/** The options that `create` and `run` share. */
import type { CreateBundleContainerOptions } from "../bundles/options.ts";
import type { Flag } from "../cli/flags.ts";
import type { RuntimeCall } from "./command.ts";
import { given, PROCESS_FLAGS, processSettings } from "./process-flags.ts";

export const CONTAINER_FLAGS: readonly Flag[] = [
  { name: "bundle", short: "b", value: "directory", help: "The bundle (default: here)" },
  {
    name: "config",
    short: "f",
    value: "path",
    help: 'Another config.json, from the bundle on (default "config.json")',
  },
  ...PROCESS_FLAGS,
  { name: "no-pivot", help: "Move the root and chroot, where pivot_root is not to be had" },
  { name: "no-subreaper", help: "Adopt no orphans: so it is anyway" },
  { name: "no-new-keyring", help: "Keep the session keyring of the caller" },
];

export function bundleOf({ flags }: RuntimeCall): string {
  return given(flags, "bundle") ?? ".";
}

export function containerSettings({ flags, global }: RuntimeCall): CreateBundleContainerOptions {
  const { root, cgroupManager, requireResources, log } = global;
  return {
    root,
    config: given(flags, "config"),
    cgroupManager,
    requireResources,
    onWarning: (text) => log.warn(text),
    noPivot: flags.has("no-pivot"),
    noNewKeyring: flags.has("no-new-keyring"),
    notifySocket: process.env["NOTIFY_SOCKET"],
    ...processSettings(flags, process.env),
  };
}
