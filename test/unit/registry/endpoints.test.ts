import { describe, expect, it } from "vitest";
import { type RegistriesOptions, loadConfiguration } from "../../../lib/registry/configuration.ts";
import { type EndpointAccess, endpointsOf, isBlocked } from "../../../lib/registry/endpoints.ts";

async function urls(
  domain: string,
  options: RegistriesOptions = {},
  access: EndpointAccess = { mode: "pull" },
): Promise<string[]> {
  const endpoints = endpointsOf(await loadConfiguration(options), domain, access);
  return endpoints.map(({ base }) => base.href);
}

describe("endpointsOf", () => {
  it("asks registry-1.docker.io for what is on docker.io", async () => {
    const [hub, ...others] = endpointsOf(await loadConfiguration({}), "docker.io", {
      mode: "pull",
    });

    expect(hub).toMatchObject({ host: "docker.io", isMirror: false, isInsecure: false });
    expect(hub?.base.href).toBe("https://registry-1.docker.io/");
    expect(hub?.tls).toEqual({ rejectUnauthorized: true });
    expect(others).toEqual([]);
  });

  it.each(["localhost", "localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000"])(
    "takes %s without TLS, too",
    async (host) => {
      expect(await urls(host)).toEqual([`https://${host}/`, `http://${host}/`]);
    },
  );

  it.each(["registry.example.com", "localhost.example.com", "128.0.0.1:5000", "[::2]:5000"])(
    "takes %s with TLS alone",
    async (host) => {
      expect(await urls(host)).toEqual([`https://${host}/`]);
    },
  );

  it("takes what is configured as insecure without TLS, too, and any certificate of it", async () => {
    const configuration = await loadConfiguration({
      registries: { "a.example": { insecure: true } },
    });

    const endpoints = endpointsOf(configuration, "a.example", { mode: "push" });

    expect(endpoints.map(({ base }) => base.href)).toEqual([
      "https://a.example/",
      "http://a.example/",
    ]);
    expect(endpoints.map(({ tls }) => tls.rejectUnauthorized)).toEqual([false, false]);
  });

  it("takes localhost as secure where that is configured", async () => {
    const options = { registries: { "localhost:5000": { insecure: false } } };

    expect(await urls("localhost:5000", options)).toEqual(["https://localhost:5000/"]);
  });

  it("lets the caller be more careful, or less", async () => {
    const careful = { mode: "pull", tlsVerify: true } as const;
    const careless = { mode: "pull", tlsVerify: false } as const;

    expect(await urls("localhost:5000", {}, careful)).toEqual(["https://localhost:5000/"]);
    expect(await urls("a.example", {}, careless)).toEqual([
      "https://a.example/",
      "http://a.example/",
    ]);
  });

  it("asks mirrors first, and never to push", async () => {
    const mirrors = ["https://m.example", "http://n.example:81/hub"];
    const options = { registries: { "docker.io": { mirrors } } };
    const registry = "https://registry-1.docker.io/";

    expect(await urls("docker.io", options)).toEqual([
      "https://m.example/",
      "http://n.example:81/hub/",
      registry,
    ]);
    expect(await urls("docker.io", options, { mode: "push" })).toEqual([registry]);
  });

  it("treats a mirror by its own settings", async () => {
    const configuration = await loadConfiguration({
      registries: {
        "docker.io": { mirrors: ["https://m.example:444", "http://n.example"], ca: "/hub" },
        "m.example:444": { ca: "/mirror", timeouts: { idleMs: 5 } },
      },
    });

    const [mirror, plain, hub] = endpointsOf(configuration, "docker.io", { mode: "pull" });

    expect(mirror).toMatchObject({
      host: "m.example:444",
      isMirror: true,
      tls: { ca: "/mirror" },
      timeouts: { idleMs: 5 },
      isInsecure: false,
    });
    expect(plain).toMatchObject({ host: "n.example", isMirror: true, isInsecure: true });
    expect(hub).toMatchObject({ host: "docker.io", isMirror: false, tls: { ca: "/hub" } });
  });

  it("has none of a blocked registry", async () => {
    const settings = { blocked: true, mirrors: ["https://m.example"] };
    const configuration = await loadConfiguration({ registries: { "docker.io": settings } });

    expect(isBlocked(configuration, "docker.io")).toBe(true);
    expect(isBlocked(configuration, "quay.io")).toBe(false);
    expect(() => endpointsOf(configuration, "docker.io", { mode: "pull" })).toThrow(
      expect.objectContaining({ code: "NOT_FOUND", message: "registry docker.io is blocked" }),
    );
  });

  it("refuses a port that there cannot be", async () => {
    await expect(urls("a.example:99999")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});
