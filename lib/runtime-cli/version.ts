/** `marmita-runtime --version`. */
import { versionInfo } from "../util/version-info.ts";
import { PROGRAM } from "./help.ts";
import { OCI_VERSION } from "../oci/spec-version.ts";

/** Lines as those of runc and crun, which Podman shows whole. */
export function versionText(): string {
  const { version, node } = versionInfo();
  return [`${PROGRAM} version ${version}`, `spec: ${OCI_VERSION}`, `node: ${node}`, ""].join("\n");
}
