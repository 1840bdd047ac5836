import { describe, expect, it } from "vitest";
import {
  type Hop,
  isRedirect,
  isRefusedAddress,
  redirected,
} from "../../../lib/registry/redirects.ts";
import { endpointAt } from "../../helpers/wire.ts";

const registry = endpointAt("https://registry.example/");
const insecure = endpointAt("https://registry.example/", { isInsecure: true });
const local = endpointAt("http://127.0.0.1:5000/", { isInsecure: true });

function hopTo(url: string): Hop {
  const headers = { authorization: "Bearer secret", cookie: "a=b", range: "bytes=5-" };
  return { method: "GET", url: new URL(url), headers, isForeign: false };
}

describe("redirected", () => {
  const blob = hopTo("https://registry.example/v2/a/blobs/b");

  it.each([
    ["/elsewhere", "https://registry.example/elsewhere"],
    ["c", "https://registry.example/v2/a/blobs/c"],
    ["https://registry.example:443/x?sig=1#part", "https://registry.example/x?sig=1"],
  ])("keeps everything on the way to %s", (location, url) => {
    const next = redirected(blob, location, registry);

    expect(next?.url.href).toBe(url);
    expect(next?.headers).toEqual(blob.headers);
    expect(next?.isForeign).toBe(false);
  });

  it.each([
    "https://cdn.example/x",
    "https://registry.example:444/x",
    "//cdn.example/x",
    "https://sub.registry.example/x",
  ])("takes what is the registry's alone not to %s", (location) => {
    const next = redirected(blob, location, registry);

    expect(next?.headers).toEqual({ range: "bytes=5-" });
    expect(next?.isForeign).toBe(true);
  });

  it("drops the password on the way from https to http", () => {
    const next = redirected(blob, "http://registry.example/x", insecure);

    expect(next?.headers).toEqual({ range: "bytes=5-" });
  });

  it("does not get back what it has lost on the way", () => {
    const away = redirected(blob, "https://cdn.example/x", registry);
    const back = redirected(away!, "https://registry.example/x", registry);

    expect(back?.headers).toEqual({ range: "bytes=5-" });
    expect(back?.isForeign).toBe(true);
  });

  it.each([
    ["file:///etc/passwd", /file: which/],
    ["data:text/plain,x", /data: which/],
    ["ftp://cdn.example/x", /ftp: which/],
    ["http://cdn.example/x", /without TLS/],
    ["https://user:word@cdn.example/x", /a URL with a password/],
    ["https://169.254.169.254/latest/meta-data", /beside this machine/],
    ["https://[fe80::1]/x", /beside this machine/],
    ["https://127.0.0.1/x", /beside this machine/],
    ["https://localhost:8080/x", /beside this machine/],
    ["https://[::ffff:127.0.0.1]/x", /beside this machine/],
    ["https://2130706433/x", /beside this machine/],
    ["https://0.0.0.0/x", /beside this machine/],
    ["https://:x", /no URL/],
  ])("does not follow to %s", (location, why) => {
    expect(() => redirected(blob, location, registry)).toThrow(
      expect.objectContaining({ code: "CORRUPT", message: expect.stringMatching(why) as string }),
    );
  });

  it("follows a registry on this machine to this machine", () => {
    const next = redirected(hopTo("http://127.0.0.1:5000/a"), "http://localhost:6000/b", local);

    expect(next?.url.href).toBe("http://localhost:6000/b");
  });

  it.each(["http://169.254.169.254/latest", "http://[fe80::1]/", "http://[::ffff:a9fe:a9fe]/"])(
    "does not follow a registry on this machine to %s",
    (location) => {
      const hop = hopTo("http://127.0.0.1:5000/a");

      expect(() => redirected(hop, location, local)).toThrow(/beside this machine/);
    },
  );

  it.each(["https://169.254.7.1:5000/v2/b", "/v2/b", "https://169.254.7.1:9000/b"])(
    "follows a registry at an address of the link to itself (%s)",
    (location) => {
      const link = endpointAt("https://169.254.7.1:5000/");
      const next = redirected(hopTo("https://169.254.7.1:5000/v2/a"), location, link);

      expect(next?.url.hostname).toBe("169.254.7.1");
    },
  );

  it("shows no query of what it does not follow", () => {
    const from = hopTo("https://registry.example/a?sig=hidden");

    expect(() => redirected(from, "http://cdn.example/x?sig=hidden", registry)).toThrow(
      /^(?!.*hidden)/,
    );
  });

  it("leaves an answer without a place as it is", () => {
    expect(redirected(blob, undefined, registry)).toBeUndefined();
  });
});

describe("isRedirect", () => {
  it.each([301, 302, 303, 307, 308])("is true of %d for GET and HEAD alone", (status) => {
    expect(isRedirect(status, "GET")).toBe(true);
    expect(isRedirect(status, "HEAD")).toBe(true);
    expect(isRedirect(status, "PUT")).toBe(false);
    expect(isRedirect(status, "POST")).toBe(false);
  });

  it.each([200, 300, 304, 401])("is false of %d", (status) => {
    expect(isRedirect(status, "GET")).toBe(false);
  });
});

describe("isRefusedAddress", () => {
  it.each(["127.0.0.1", "::1", "::ffff:127.0.0.1"])(
    "is true of %s for a registry elsewhere",
    (address) => {
      expect(isRefusedAddress(address, registry)).toBe(true);
      expect(isRefusedAddress(address, local)).toBe(false);
    },
  );

  it.each(["169.254.169.254", "fe80::5", "0.0.0.0", "::"])("is true of %s for all", (address) => {
    expect(isRefusedAddress(address, registry)).toBe(true);
    expect(isRefusedAddress(address, local)).toBe(true);
  });

  it.each(["10.0.0.1", "192.168.1.1", "93.184.216.34", "2001:db8::1"])(
    "is false of %s",
    (address) => {
      expect(isRefusedAddress(address, registry)).toBe(false);
    },
  );
});
