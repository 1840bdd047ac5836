import { describe, expect, it } from "vitest";
import { parseRuntimeSpec } from "../../../lib/oci/parse-runtime-spec.ts";
import { formatConfigJson } from "../../../lib/runtime/config-json.ts";
import { rlimits } from "../../../lib/runtime/ulimits.ts";

const LIMITS = '[{"type":"RLIMIT_AS","soft":9007199254740993,"hard":18446744073709551615}]';
const TEXT =
  '{"ociVersion":"1.2.0","root":{"path":"rootfs"},"process":{"user":{"uid":0,"gid":0},' +
  `"args":["\\"soft\\":18446744073709552000"],"cwd":"/","rlimits":${LIMITS}},` +
  '"linux":{"namespaces":[]}}';

describe("formatConfigJson", () => {
  it("writes numbers of 64 bits as they were read", () => {
    expect(formatConfigJson(parseRuntimeSpec(TEXT))).toBe(TEXT);
  });

  it("writes no limit as the specification has it", () => {
    const spec = parseRuntimeSpec(TEXT);
    const process = { ...spec.process, rlimits: rlimits({ as: -1 }) };

    expect(formatConfigJson({ ...spec, process })).toContain(
      '"rlimits":[{"type":"RLIMIT_AS","soft":18446744073709551615,"hard":18446744073709551615}]',
    );
  });
});
