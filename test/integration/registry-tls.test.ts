/** docker-registry with TLS: certificates found as Docker and Podman find theirs, and a proxy before it. */
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { RegistriesOptions } from "../../lib/registry/configuration.ts";
import { Registries } from "../../lib/registry/registries.ts";
import { type Authority, type Certificate, makeAuthority } from "../helpers/certificates.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { type TestRegistry, requireRegistry, startRegistry } from "../helpers/registry.ts";
import { endsWithTests } from "../helpers/servers.ts";
import { requireProgram } from "../helpers/user-namespaces.ts";
import { startProxy } from "../helpers/wire-servers.ts";

const PROGRAMS = [requireRegistry(), requireProgram("openssl")].every(Boolean);

describe.runIf(PROGRAMS)("docker-registry that wants certificates", () => {
  let authority: Authority;
  let client: Certificate;
  let registry: TestRegistry;

  beforeAll(async () => {
    authority = await makeAuthority();
    client = authority.issue();
    const hosts = ["127.0.0.1", "registry.test"];
    const tls = { ...authority.issue({ hosts }), clientCa: authority.ca, client };
    registry = await startRegistry({ tls });
  });

  async function headAt(
    domain: string,
    registries: RegistriesOptions,
    env: NodeJS.ProcessEnv = {},
  ): Promise<unknown> {
    const opened = await Registries.open({ registries, env: { HOME: "/nowhere", ...env } });
    endsWithTests(() => opened.close());
    const repository = opened.repository(
      { domain, path: "nobody" },
      { mode: "pull", tlsVerify: true },
    );
    return repository.headManifest("latest");
  }

  it("is asked with those that are configured", async () => {
    const settings = { ca: authority.ca, ...client };

    expect(
      await headAt(registry.host, { registries: { [registry.host]: settings } }),
    ).toBeUndefined();
  });

  it("is asked with those of certs.d", async () => {
    const home = await temporaryFolder();
    const directory = join(home, ".config/docker/certs.d", registry.host);
    await mkdir(directory, { recursive: true });
    await copyFile(authority.ca, join(directory, "ca.crt"));
    await copyFile(client.cert, join(directory, "client.cert"));
    await copyFile(client.key, join(directory, "client.key"));

    expect(await headAt(registry.host, {}, { HOME: home })).toBeUndefined();
  });

  it("is not asked by whoever has none", async () => {
    const settings = { ca: authority.ca };

    await expect(
      headAt(registry.host, { registries: { [registry.host]: settings } }),
    ).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(/it does not take our certificate, or wants one$/) as string,
    });
  });

  it("is reached through a proxy, who learns its name and nothing else", async () => {
    const proxy = await startProxy({ to: registry.port, password: "user:word" });
    const env = { HTTPS_PROXY: proxy.url.replace("//", "//user:word@") };
    const settings = { ca: authority.ca, ...client };

    expect(
      await headAt("registry.test", { registries: { "registry.test": settings } }, env),
    ).toBeUndefined();

    expect(proxy.asked).toEqual(["CONNECT registry.test:443"]);
  });
});
