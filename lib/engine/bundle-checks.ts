/** Checks of what is asked of bundles. */
import { MarmitaError } from "../errors.ts";
import { checkTogether } from "../runtime/confinement.ts";
import {
  abortSignal,
  check,
  type Check,
  type Checks,
  oneOf,
  quote,
  wholeNumber,
  word,
  words,
  wrong,
} from "../util/check.ts";
import type { CreateBundleOptions } from "./bundle-options.ts";
import { CONTAINER_CHECKS } from "./container-checks.ts";
import { refuseLimits } from "./limits.ts";
import { callback } from "./registry-checks.ts";

const {
  name: _name,
  remove: _remove,
  restart: _restart,
  healthcheck: _healthcheck,
  log: _log,
  openStdin: _openStdin,
  volumesFrom: _volumesFrom,
  dns: _dns,
  dnsSearch: _dnsSearch,
  dnsOptions: _dnsOptions,
  extraHosts: _extraHosts,
  init: _init,
  userns: _userns,
  stopTimeoutMs: _stopTimeoutMs,
  ...CHECKS
} = CONTAINER_CHECKS;

const size = wholeNumber("characters", 1, 65_535); // what a struct winsize holds

const bundle: Checks<CreateBundleOptions> = {
  ...CHECKS,
  image: word,
  command: words,
  directory: word,
  mounts: plainMounts(CHECKS.mounts),
  network: oneOf("none", "host"),
  pid: oneOf("private", "host"),
  ipc: oneOf("private", "shareable", "none", "host"),
  columns: size,
  rows: size,
  pull: oneOf("missing", "always", "never"),
  onPullProgress: callback,
  signal: abortSignal,
};

/** Of a volume or an image only the engine that has it can make a mount. */
function plainMounts(checkMounts: Check): Check {
  return (value, name) => {
    checkMounts(value, name);
    for (const { type } of value as readonly { type: string }[]) {
      if (type === "bind" || type === "tmpfs") continue;
      const message = `a bundle has no mounts of type ${quote(type)}`;
      throw new MarmitaError("UNSUPPORTED", message, {
        hint: 'Use type "bind" or "tmpfs": nobody but this engine could mount the rest.',
        details: { option: name, value: type },
      });
    }
  };
}

/** Throws `INVALID_ARGUMENT`, and `UNSUPPORTED` for what no bundle can have. */
export function checkBundleOptions(options: CreateBundleOptions): void {
  refuseLimits(options);
  check(bundle, options);
  if (options.directory === undefined) throw wrong("directory", "a path", undefined);
  checkTogether({ ...options, network: options.network ?? "none" });
}
