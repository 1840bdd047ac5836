import { mkdir, readFile, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { beforeAll, describe, expect, it } from "vitest";
import type { Endpoint, EndpointTls } from "../../lib/registry/endpoints.ts";
import { type Authority, type Certificate, makeAuthority } from "../helpers/certificates.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { requireProgram } from "../helpers/user-namespaces.ts";
import { ask, endpointAt, quickTransport, textOf } from "../helpers/wire.ts";
import { type ServerTls, type TestServer, listen, startServer } from "../helpers/wire-servers.ts";

/** Tells whose certificate the client has shown. */
const whoAsks: RequestListener = (request, response) => {
  const { subject } = (request.socket as TLSSocket).getPeerCertificate?.() ?? {};
  response.end(`seen: ${String(subject?.CN ?? "nobody")}`);
};

describe.runIf(requireProgram("openssl"))("TLS with a registry", () => {
  let authority: Authority;
  let stranger: Authority;
  let own: Certificate;

  beforeAll(async () => {
    authority = await makeAuthority();
    stranger = await makeAuthority();
    own = authority.issue();
  });

  const start = async (tls: ServerTls = own, answer = whoAsks): Promise<TestServer> => {
    return startServer(answer, tls);
  };

  function at({ url }: TestServer, tls: Partial<EndpointTls> = {}, changes = {}): Endpoint {
    return endpointAt(url, { tls: { rejectUnauthorized: true, ...tls }, ...changes });
  }

  it("needs somebody who vouches for it", async () => {
    const server = await start();

    await expect(ask(at(server), "v2/")).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: `GET ${server.url}v2/: nobody known here vouches for its certificate`,
      hint: expect.stringContaining(`certs.d/${server.host}/ca.crt`) as string,
      details: { registry: server.host, attempts: 1 },
    });
    expect(server.seen).toEqual([]);
  });

  it("takes an authority that is configured", async () => {
    const server = await start();

    expect(await textOf(await ask(at(server, { ca: authority.ca }), ""))).toBe("seen: nobody");
  });

  it("takes no other authority's word", async () => {
    const server = await start();

    await expect(ask(at(server, { ca: stranger.ca }), "")).rejects.toMatchObject({
      message: expect.stringContaining("nobody known here vouches") as string,
    });
  });

  it.each(["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"])("takes an authority of %s", async (name) => {
    const server = await start();
    const transport = quickTransport({ env: { [name]: authority.ca } });

    expect((await ask(at(server), "", { transport })).status).toBe(200);
    // Also beside one that is configured, and where the registry sends us to.
    const other = quickTransport({ env: { [name]: authority.ca } });
    const moved = await start(stranger.issue(), (_, response) => {
      response.writeHead(307, { location: server.url }).end();
    });
    const response = await ask(at(moved, { ca: stranger.ca }), "", { transport: other });
    expect(response.url.href).toBe(server.url);
    expect(await textOf(response)).toBe("seen: nobody");
  });

  it("takes the word of the system's authorities for all who ask at once", async () => {
    const server = await start();
    const transport = quickTransport({ env: { SSL_CERT_FILE: authority.ca } });

    const all = await Promise.all(
      Array.from({ length: 8 }, async () => (await ask(at(server), "", { transport })).status),
    );

    expect(new Set(all)).toEqual(new Set([200]));
  });

  it("takes anything of an insecure registry", async () => {
    const server = await start();
    const endpoint = at(server, { rejectUnauthorized: false }, { isInsecure: true });

    expect((await ask(endpoint, "")).status).toBe(200);
  });

  it.each(["containers", "docker"])("takes an authority out of certs.d of %s", async (owner) => {
    const server = await start();
    const home = await temporaryFolder();
    const directory = join(home, owner, "certs.d", server.host);
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, "anything.crt"), authority.pem);
    const transport = quickTransport({ env: { HOME: "/nowhere", XDG_CONFIG_HOME: home } });

    expect((await ask(at(server), "", { transport })).status).toBe(200);
  });

  it("shows a certificate out of certs.d", async () => {
    const server = await start({ ...own, clientCa: authority.ca });
    const home = await temporaryFolder();
    const directory = join(home, ".config/containers/certs.d", server.host);
    const client = authority.issue();
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, "ca.crt"), authority.pem);
    await writeFile(join(directory, "client.cert"), await readFile(client.cert));
    await writeFile(join(directory, "client.key"), await readFile(client.key));
    const transport = quickTransport({ env: { HOME: home } });

    expect(await textOf(await ask(at(server), "", { transport }))).toMatch(/^seen: issued-/);
  });

  it("says which key is missing", async () => {
    const server = await start();
    const home = await temporaryFolder();
    const directory = join(home, "containers/certs.d", server.host);
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, "client.cert"), await readFile(own.cert));
    const transport = quickTransport({ env: { XDG_CONFIG_HOME: home } });

    await expect(ask(at(server), "", { transport })).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: `read ${join(directory, "client.key")}: no such file or directory`,
    });
  });

  it("shows a certificate that is configured, and to the registry alone", async () => {
    const elsewhere = await start({ ...own, clientCa: authority.ca });
    const client = authority.issue();
    const server = await start({ ...own, clientCa: authority.ca }, (request, response) => {
      if (request.url === "/moved") response.writeHead(307, { location: elsewhere.url }).end();
      else whoAsks(request, response);
    });
    const endpoint = at(server, { ca: authority.ca, ...client });

    expect(await textOf(await ask(endpoint, ""))).toMatch(/^seen: issued-/);
    await expect(ask(endpoint, "moved")).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(elsewhere.seen).toEqual([]);
  });

  it("says that a certificate is wanted", async () => {
    const server = await start({ ...own, clientCa: authority.ca });

    await expect(ask(at(server, { ca: authority.ca }), "")).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(/it does not take our certificate, or wants one$/) as string,
      hint: expect.stringContaining("client.cert and client.key") as string,
    });
  });

  it.each([
    ["has expired", { days: -1 }, "its certificate has expired", "Look at the clock"],
    [
      "is for another host",
      { hosts: ["registry.example"] },
      "its certificate is for another host",
      "Use a name that its certificate is for: DNS:registry.example.",
    ],
  ])("refuses a certificate that %s", async (_, options, words, hint) => {
    const server = await start(authority.issue(options));

    await expect(ask(at(server, { ca: authority.ca }), "")).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: `GET ${server.url}: ${words}`,
      hint: expect.stringContaining(hint) as string,
      details: { attempts: 1 },
    });
  });

  it("names the files that are no certificates", async () => {
    const server = await start();
    const path = join(await temporaryFolder(), "ca.pem");
    await writeFile(path, "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n");

    await expect(ask(at(server, { cert: path, key: own.key }), "")).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(path) as string,
    });
  });

  it("reads files again that were put right", async () => {
    const server = await start();
    const ca = join(await temporaryFolder(), "ca.pem");
    const transport = quickTransport();
    await expect(ask(at(server, { ca }), "", { transport })).rejects.toMatchObject({
      message: `read ${ca}: no such file or directory`,
    });

    await writeFile(ca, authority.pem);

    expect((await ask(at(server, { ca }), "", { transport })).status).toBe(200);
  });

  it("says where there is none", async () => {
    const { host } = await startServer(whoAsks);

    await expect(ask(endpointAt(`https://${host}/`), "")).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: `GET https://${host}/: it does not speak TLS`,
      hint: expect.stringContaining('"insecure": true') as string,
      details: { attempts: 1 },
    });
  });

  it("is missed where it is spoken", async () => {
    const { host } = await start();

    await expect(ask(endpointAt(`http://${host}/`), "")).rejects.toMatchObject({
      code: "UNAVAILABLE",
    });
  });

  it("has time for its greeting, and no more", async () => {
    const port = await listen(createServer((socket) => void socket.resume()));
    const endpoint = endpointAt(`https://127.0.0.1:${port}/`, { timeouts: { connectMs: 100 } });

    await expect(
      ask(endpoint, "", { transport: quickTransport({ attempts: 1 }) }),
    ).rejects.toMatchObject({
      code: "UNAVAILABLE",
      errno: "ETIMEDOUT",
      step: "connect",
      message: `GET ${endpoint.base.href}: no connection within 0.1 s`,
    });
  });

  it("keeps its connection", async () => {
    const server = await start(own, (_, response) => {
      response.writeHead(200, { "content-length": "2" }).end("ok");
    });
    let connections = 0;
    server.server.on("secureConnection", () => connections++);
    const transport = quickTransport();
    const endpoint = at(server, { ca: authority.ca });

    for (let count = 0; count < 3; count++) await textOf(await ask(endpoint, "", { transport }));

    expect(connections).toBe(1);
  });
});
