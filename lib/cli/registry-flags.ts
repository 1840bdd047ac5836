/** Flags of all commands that talk to a registry, as Podman has them. */
import type { Flag, ParsedFlags } from "./flags.ts";

export const REGISTRY_FLAGS: readonly Flag[] = [
  {
    name: "authfile",
    value: "string",
    help: "Read credentials from the file (default $REGISTRY_AUTH_FILE, else those of Docker and Podman)",
  },
  {
    name: "tls-verify",
    help: "Require HTTPS and verify certificates (default true; localhost: false)",
  },
];

/** What the flags say of how a registry is asked. */
export function registryAccess(flags: ParsedFlags): { readonly tlsVerify?: boolean } {
  const authFile = flags.last("authfile");
  // It is the first of the files that are looked at.
  if (authFile !== undefined) process.env["REGISTRY_AUTH_FILE"] = authFile;
  const verify = flags.last("tls-verify");
  return verify === undefined ? {} : { tlsVerify: verify === "true" };
}
