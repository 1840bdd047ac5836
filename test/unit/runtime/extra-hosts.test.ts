import { describe, expect, it } from "vitest";
import { parseExtraHost } from "../../../lib/runtime/extra-hosts.ts";

describe("an extra host", () => {
  it.each([
    ["db:192.0.2.1", "db", "192.0.2.1"],
    ["db=192.0.2.1", "db", "192.0.2.1"],
    ["db:2001:db8::1", "db", "2001:db8::1"],
    ["db:[2001:db8::1]", "db", "2001:db8::1"],
    ["me:host-gateway", "me", "host-gateway"],
  ])("%s", (text, name, address) => {
    expect(parseExtraHost(text)).toEqual({ name, address });
  });

  it.each(["db", ":192.0.2.1", "db:", "db:nowhere", "a b:192.0.2.1", "db:192.0.2.1\n10.0.0.1 x"])(
    "is not %j",
    (text) => {
      expect(() => parseExtraHost(text)).toThrow(
        expect.objectContaining({ code: "INVALID_ARGUMENT" }),
      );
    },
  );
});
