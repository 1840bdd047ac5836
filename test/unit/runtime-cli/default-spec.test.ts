import { describe, expect, it } from "vitest";
import { parseRuntimeSpec } from "../../../lib/oci/parse-runtime-spec.ts";
import { defaultSpec } from "../../../lib/runtime-cli/default-spec.ts";

describe("the config.json of a new bundle", () => {
  it.each([
    ["root", undefined],
    ["a user", { uid: 1000, gid: 100 }],
  ])("is one of the specification for %s", (_, ids) => {
    const spec = defaultSpec(ids);

    expect(parseRuntimeSpec(JSON.stringify(spec))).toEqual(spec);
  });

  it("has a user namespace with the one id of the user who asked", () => {
    const { linux, mounts } = defaultSpec({ uid: 1000, gid: 100 });

    expect(linux?.uidMappings).toEqual([{ containerID: 0, hostID: 1000, size: 1 }]);
    expect(linux?.gidMappings).toEqual([{ containerID: 0, hostID: 100, size: 1 }]);
    expect(linux?.namespaces).toContainEqual({ type: "user" });
    expect(JSON.stringify(mounts)).not.toContain("gid=5");
  });
});
