import { describe, expect, it } from "vitest";
import { runtimeFeatures } from "../../../lib/bundles/features.ts";
import { parseRuntimeSpec } from "../../../lib/oci/parse-runtime-spec.ts";
import { parseBundleMountOptions } from "../../../lib/runtime/bundle-mount-options.ts";
import { formatRules } from "../../../lib/runtime/seccomp/rules.ts";
import { defaultSpec } from "../../../lib/runtime-cli/default-spec.ts";

const features = runtimeFeatures();
const { linux } = features;

/** A configuration with this in it, as it is parsed. */
function parse(change: object): unknown {
  return parseRuntimeSpec(JSON.stringify({ ...defaultSpec(), ...change }));
}

/** features.md: the runtime must accept what it names. */
describe("the features that are told", () => {
  it.each([features.ociVersionMin, features.ociVersionMax])("have the version %s", (ociVersion) => {
    expect(parse({ ociVersion })).toMatchObject({ ociVersion });
  });

  it("have hooks, namespaces, capabilities, actions, architectures and flags of config.json", () => {
    const { seccomp } = linux;
    const { process, linux: own } = defaultSpec();
    const hook = { path: "/bin/true" };

    const spec = parse({
      process: { ...process, capabilities: { bounding: linux.capabilities } },
      hooks: Object.fromEntries(features.hooks.map((name) => [name, [hook]])),
      linux: {
        ...own,
        namespaces: linux.namespaces.map((type) => ({ type })),
        seccomp: {
          defaultAction: "SCMP_ACT_ALLOW",
          listenerPath: "/run/listener",
          architectures: seccomp.archs,
          flags: seccomp.supportedFlags,
          syscalls: seccomp.actions.map((action) => ({
            names: ["read"],
            action,
            args: seccomp.operators.map((op) => ({ index: 0, value: 1, valueTwo: 1, op })),
          })),
        },
      },
    });

    expect(spec).toMatchObject({ linux: { seccomp: { flags: seccomp.supportedFlags } } });
  });

  it.each(linux.seccomp.actions)("have the action %s carried out", (action) => {
    const { supportedFlags: flags } = linux.seccomp;
    const syscalls = [{ names: ["read"], action }];
    const listenerPath = "/run/listener";
    const isTold = action === "SCMP_ACT_NOTIFY";

    const lines = formatRules(
      { defaultAction: "SCMP_ACT_ALLOW", ...(isTold && { listenerPath, flags }), syscalls },
      "x64",
    );

    expect(lines).toMatch(/^rule .* read$/m);
  });

  it.each(features.mountOptions)("have the mount option %s", (option) => {
    const { data } = parseBundleMountOptions({ destination: "/x", options: [option] });

    expect(data).toEqual([]); // nobody's but the file system's
  });

  it("are sorted", () => {
    const { seccomp, namespaces } = linux;
    const lists = [features.mountOptions, namespaces, seccomp.actions, seccomp.archs];

    expect(lists).toEqual(lists.map((list) => list.toSorted()));
  });
});
