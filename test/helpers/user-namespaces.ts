/** What a host must have for tests that start containers. */
import { spawnSync } from "node:child_process";
import { beforeEach, type TestContext } from "vitest";

/** Set in CI: a test that cannot run fails instead of being skipped. */
export const MUST_RUN = process.env["MARMITA_MUST_RUN"] === "1";

/**
 * Call at the top of a test file that starts containers. Where this host gives this user no user
 * namespace, the reason is printed, every test of the file is skipped and the result is false
 * (for `describe.runIf`, when the file has beforeAll hooks); with MARMITA_MUST_RUN=1 it throws.
 */
export function requireUserNamespaces(): boolean {
  return requirement("user namespaces", userNamespaceFault());
}

/** The same for an outside program that all tests of a file need: `requireProgram("skopeo")`. */
export function requireProgram(name: string): boolean {
  return requirement(name, hasProgram(name) ? undefined : `${name} is not installed`);
}

/** For one test: skips it where the program is missing, and fails with MARMITA_MUST_RUN=1. */
export function needProgram(context: TestContext, name: string): void {
  if (hasProgram(name)) return;
  const reason = `needs ${name}: it is not installed`;
  if (MUST_RUN) throw new Error(`${reason} (MARMITA_MUST_RUN=1 forbids skipping)`);
  context.skip(reason);
}

function hasProgram(name: string): boolean {
  return spawnSync("sh", ["-c", 'command -v "$1"', "sh", name]).status === 0;
}

/**
 * For what the kernel or the set-up of a host cannot show at all, whoever runs the tests: at the
 * top of a file, skips its tests with the reason in print, and never fails. `fault` is undefined
 * where the host can. Hooks that rely on it look at the result.
 */
export function hostCan(what: string, fault: string | undefined): boolean {
  if (fault === undefined) return true;
  const reason = hostCannot(what, fault);
  beforeEach((context) => context.skip(reason));
  return false;
}

/** The words of the same, for `context.skip()` within a test. */
export function hostCannot(what: string, fault: string): string {
  const reason = `host cannot ${what}: ${fault}`;
  console.warn(reason);
  return reason;
}

function requirement(what: string, fault: string | undefined): boolean {
  if (fault === undefined) return true;
  const reason = `needs ${what}: ${fault}`;
  if (MUST_RUN) throw new Error(`${reason} (MARMITA_MUST_RUN=1 forbids skipping)`);
  console.warn(`skipped: ${reason}`);
  beforeEach((context) => context.skip(reason));
  return false;
}

function userNamespaceFault(): string | undefined {
  const tried = spawnSync("unshare", ["--user", "--map-root-user", "true"], { encoding: "utf8" });
  if (tried.status === 0) return undefined;
  return tried.error?.message ?? tried.stderr.trim();
}
