import { describe, expect, it } from "vitest";
import { isExempt, proxyOf } from "../../../lib/registry/proxy.ts";

const of = (url: string, env: NodeJS.ProcessEnv) => proxyOf(new URL(url), env)?.href;

describe("proxyOf", () => {
  it("goes by the scheme of what is asked for", () => {
    const env = { HTTPS_PROXY: "http://one:1", HTTP_PROXY: "http://two:2" };

    expect(of("https://a.example/", env)).toBe("http://one:1/");
    expect(of("http://a.example/", env)).toBe("http://two:2/");
    expect(of("http://a.example/", { HTTPS_PROXY: "http://one:1" })).toBeUndefined();
  });

  it("takes ALL_PROXY where there is no other", () => {
    expect(of("https://a.example/", { ALL_PROXY: "http://all:3" })).toBe("http://all:3/");
    const both = { ALL_PROXY: "http://all:3", https_proxy: "http://one:1" };
    expect(of("https://a.example/", both)).toBe("http://one:1/");
  });

  it("takes lower case before upper case, and empty as absent", () => {
    const both = { https_proxy: "http://low:1", HTTPS_PROXY: "http://up:1" };
    expect(of("https://a.example/", both)).toBe("http://low:1/");
    expect(of("https://a.example/", { https_proxy: "", HTTPS_PROXY: "http://up:1" })).toBe(
      "http://up:1/",
    );
  });

  it("speaks plain HTTP to a proxy without a scheme", () => {
    expect(of("https://a.example/", { HTTPS_PROXY: "proxy.example:3128" })).toBe(
      "http://proxy.example:3128/",
    );
    expect(of("https://a.example/", { HTTPS_PROXY: "https://proxy.example" })).toBe(
      "https://proxy.example/",
    );
  });

  it.each(["socks5://proxy:1080", "socks://proxy:1080", "ftp://proxy"])(
    "refuses %s by name",
    (text) => {
      expect(() => of("https://a.example/", { ALL_PROXY: text })).toThrow(
        expect.objectContaining({
          code: "UNSUPPORTED",
          message: `proxies of type ${text.split(":")[0]} are not supported`,
        }),
      );
    },
  );

  it("does not show a proxy that is no URL: there may be a password in it", () => {
    expect(() => of("https://a.example/", { HTTPS_PROXY: "http://user:secret@ho st" })).toThrow(
      /^(?!.*secret)/,
    );
  });

  it("refuses a password that is not encoded, without showing it", () => {
    expect(() => of("https://a.example/", { HTTPS_PROXY: "http://user:100%secret@proxy" })).toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        message: expect.not.stringContaining("secret") as string,
        hint: expect.stringContaining("%25") as string,
      }),
    );
  });

  it("leaves out this machine, and what NO_PROXY has", () => {
    const env = { ALL_PROXY: "http://all:3", NO_PROXY: "a.example" };

    expect(of("http://localhost:5000/", env)).toBeUndefined();
    expect(of("https://127.0.0.1/", env)).toBeUndefined();
    expect(of("https://a.example/", env)).toBeUndefined();
    expect(of("https://b.example/", env)).toBe("http://all:3/");
  });
});

describe("isExempt", () => {
  it.each([
    ["*", "https://a.example/", true],
    ["a.example", "https://a.example/", true],
    ["A.Example", "https://a.example/", true],
    ["a.example", "https://b.a.example/", true],
    ["a.example", "https://ba.example/", false],
    [".a.example", "https://b.a.example/", true],
    [".a.example", "https://a.example/", false],
    ["*.a.example", "https://b.a.example/", true],
    ["a.example:443", "https://a.example/", true],
    ["a.example:80", "https://a.example/", false],
    ["a.example:80", "http://a.example/", true],
    ["a.example:5000", "https://a.example:5000/", true],
    ["b.example, a.example", "https://a.example/", true],
    ["b.example a.example", "https://a.example/", true],
    ["10.0.0.0/8", "https://10.1.2.3/", true],
    ["10.0.0.0/8", "https://11.1.2.3/", false],
    ["10.0.0.0/8", "https://10.example/", false],
    ["10.0.0.5", "https://10.0.0.5:5000/", true],
    ["10.0.0.5:5001", "https://10.0.0.5:5000/", false],
    ["2001:db8::/32", "https://[2001:db8::1]/", true],
    ["2001:db8::1", "https://[2001:db8::1]/", true],
    ["[2001:db8::1]:443", "https://[2001:db8::1]/", true],
    ["10.0.0.0/99", "https://10.0.0.1/", false],
    ["/", "https://a.example/", false],
    [",,", "https://a.example/", false],
    ["", "https://a.example/", false],
    ["", "https://[::1]:5000/", true],
  ])("NO_PROXY=%s and %s: %s", (noProxy, url, expected) => {
    expect(isExempt(new URL(url), noProxy)).toBe(expected);
  });
});
