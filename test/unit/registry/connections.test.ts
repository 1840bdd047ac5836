import type { LookupAddress } from "node:dns";
import { describe, expect, it } from "vitest";
import { guardedLookup } from "../../../lib/registry/connections.ts";
import { endpointAt } from "../../helpers/wire.ts";

const registry = endpointAt("https://registry.example/");
const local = endpointAt("http://localhost:5000/");

/** As a name server would have it. */
function resolving(...addresses: string[]) {
  const found = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  return ((_: string, __: object, callback: (error: null, all: LookupAddress[]) => void) => {
    callback(null, found);
  }) as never;
}

async function lookUp(
  endpoint: typeof registry,
  addresses: string[],
  all: boolean,
): Promise<unknown> {
  const lookup = guardedLookup(endpoint, resolving(...addresses));
  return new Promise((resolve, reject) => {
    lookup("cdn.example", { all }, (error, found) => (error ? reject(error) : resolve(found)));
  });
}

describe("guardedLookup", () => {
  it("passes on addresses elsewhere", async () => {
    expect(await lookUp(registry, ["192.0.2.1", "2001:db8::1"], true)).toEqual([
      { address: "192.0.2.1", family: 4 },
      { address: "2001:db8::1", family: 6 },
    ]);
    expect(await lookUp(registry, ["192.0.2.1", "2001:db8::1"], false)).toBe("192.0.2.1");
  });

  it.each(["127.0.0.1", "169.254.169.254", "::1", "::ffff:169.254.169.254", "fe80::1"])(
    "refuses a name that is %s, whatever else it is",
    async (address) => {
      await expect(lookUp(registry, ["192.0.2.1", address], true)).rejects.toMatchObject({
        code: "EADDRESSREFUSED",
        message: `cdn.example is ${address}, on or beside this machine`,
      });
    },
  );

  it("lets a registry on this machine send us to this machine", async () => {
    expect(await lookUp(local, ["127.0.0.1"], false)).toBe("127.0.0.1");
  });

  it("passes on that there is no such name", async () => {
    const failure = Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" });
    const failing = ((_: string, __: object, callback: (error: Error) => void) => {
      callback(failure);
    }) as never;
    const lookup = guardedLookup(registry, failing);

    await new Promise<void>((resolve) => {
      lookup("cdn.example", {}, (error) => {
        expect(error).toBe(failure);
        resolve();
      });
    });
  });
});
