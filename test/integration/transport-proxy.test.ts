import type { RequestListener } from "node:http";
import { createServer } from "node:net";
import { beforeAll, describe, expect, it } from "vitest";
import type { Endpoint } from "../../lib/registry/endpoints.ts";
import { type Authority, makeAuthority } from "../helpers/certificates.ts";
import { eventually } from "../helpers/eventually.ts";
import { requireProgram } from "../helpers/user-namespaces.ts";
import { ask, endpointAt, quickTransport, textOf } from "../helpers/wire.ts";
import { listen, startProxy, startServer } from "../helpers/wire-servers.ts";

const whoAsks: RequestListener = (request, response) => {
  const { authorization = "nobody" } = request.headers;
  const proxy = request.headers["proxy-authorization"] ?? "nobody";
  response.writeHead(200, { "content-length": 6 }).end(`${authorization}${proxy}`.slice(0, 6));
};

describe.runIf(requireProgram("openssl"))("a proxy", () => {
  let authority: Authority;

  beforeAll(async () => {
    authority = await makeAuthority();
  });

  /** Nobody but the proxy knows where it is. */
  async function startHidden(): Promise<{ port: number; endpoint: Endpoint }> {
    const tls = authority.issue({ hosts: ["registry.test"] });
    const { port } = await startServer(whoAsks, tls);
    const endpoint = endpointAt("https://registry.test/", {
      tls: { ca: authority.ca, rejectUnauthorized: true },
      timeouts: { connectMs: 500 },
    });
    return { port, endpoint };
  }

  const plain = endpointAt("http://registry.test/", { isInsecure: true });

  it("tunnels to a registry with TLS, for several requests", async () => {
    const { port, endpoint } = await startHidden();
    const proxy = await startProxy({ to: port });
    const transport = quickTransport({ env: { HTTPS_PROXY: proxy.url } });
    const headers = { authorization: "Bearer secret" };

    for (let count = 0; count < 3; count++) {
      expect(await textOf(await ask(endpoint, "v2/", { transport, headers }))).toBe("Bearer");
    }

    expect(proxy.asked).toEqual(["CONNECT registry.test:443"]);
    expect(proxy.authorizations).toEqual([undefined]);
  });

  it("asks for what is without TLS", async () => {
    const { port } = await startServer(whoAsks);
    const proxy = await startProxy({ to: port });
    const transport = quickTransport({ env: { http_proxy: proxy.url } });

    for (const path of ["v2/", "v2/a?b=c"]) {
      expect(await textOf(await ask(plain, path, { transport }))).toBe("nobody");
    }

    expect(proxy.asked).toEqual([
      "GET http://registry.test/v2/",
      "GET http://registry.test/v2/a?b=c",
    ]);
  });

  it("gets large bodies through, with and without TLS", async () => {
    const echo: RequestListener = (request, response) => void request.pipe(response);
    const { port } = await startServer(echo, authority.issue({ hosts: ["registry.test"] }));
    const open = await startServer(echo);
    const { endpoint } = await startHidden();
    const body = Buffer.alloc(2_000_000, "x");
    for (const [to, target, variable] of [
      [port, endpoint, "HTTPS_PROXY"],
      [open.port, plain, "HTTP_PROXY"],
    ] as const) {
      const proxy = await startProxy({ to });
      const transport = quickTransport({ env: { [variable]: proxy.url } });

      const response = await ask(target, "", { transport, method: "PUT", body });

      expect(body.equals(await response.read(body.length))).toBe(true);
    }
  });

  it("is shown its own password, and the registry is not", async () => {
    const { port, endpoint } = await startHidden();
    const proxy = await startProxy({ to: port, password: "us er:wo:rd" });
    const url = proxy.url.replace("//", "//us%20er:wo%3Ard@");
    const transport = quickTransport({ env: { HTTPS_PROXY: url } });

    expect(await textOf(await ask(endpoint, "", { transport }))).toBe("nobody");

    expect(proxy.authorizations).toEqual([
      `Basic ${Buffer.from("us er:wo:rd").toString("base64")}`,
    ]);
  });

  it.each(["https", "http"])(
    "that refuses is told as the proxy, not as the registry (%s)",
    async (scheme) => {
      const { port, endpoint } = await startHidden();
      const proxy = await startProxy({ to: port, password: "user:word" });
      const url = proxy.url.replace("//", "//user:secret@");
      const transport = quickTransport({ env: { ALL_PROXY: url } });
      const asking = ask(scheme === "https" ? endpoint : plain, "v2/", { transport });

      const error: unknown = await asking.catch((failure: unknown) => failure);

      const host = new URL(proxy.url).host;
      expect(error).toMatchObject({
        code: "UNAVAILABLE",
        message: `GET ${scheme}://registry.test/v2/: proxy ${host}: it wants another user or password (status 407)`,
        hint: expect.stringContaining("HTTPS_PROXY") as string,
        details: { proxy: host, attempts: 1 },
      });
      expect(JSON.stringify(error) + String(error)).not.toContain("secret");
    },
  );

  it("that is not there is told as the proxy, after a few attempts", async () => {
    const { endpoint } = await startHidden();
    const transport = quickTransport({ env: { HTTPS_PROXY: "http://127.0.0.1:1" } });

    await expect(ask(endpoint, "", { transport })).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: "GET https://registry.test/: proxy 127.0.0.1:1: connection refused",
      details: { proxy: "127.0.0.1:1", attempts: 2 },
    });
  });

  it.each(["https", "http"])(
    "that says nothing has its time, and its connection ends (%s)",
    async (scheme) => {
      const { endpoint } = await startHidden();
      let open = 0;
      const silent = createServer((socket) => {
        open++;
        socket.resume().once("close", () => open--);
      });
      const port = await listen(silent);
      const transport = quickTransport({ attempts: 1, env: { ALL_PROXY: `127.0.0.1:${port}` } });
      const target = scheme === "https" ? endpoint : { ...plain, timeouts: { headersMs: 200 } };

      await expect(ask(target, "", { transport })).rejects.toMatchObject({
        code: "UNAVAILABLE",
        errno: "ETIMEDOUT",
      });

      await eventually("the connection to the proxy is closed", () => open === 0 || undefined);
    },
  );

  it("is given up by an abort while it says nothing", async () => {
    const { endpoint } = await startHidden();
    let open = 0;
    const abort = new AbortController();
    const silent = createServer((socket) => {
      open++;
      socket.resume().once("close", () => open--);
      abort.abort();
    });
    const port = await listen(silent);
    const transport = quickTransport({ env: { ALL_PROXY: `127.0.0.1:${port}` } });

    await expect(ask(endpoint, "", { transport, signal: abort.signal })).rejects.toMatchObject({
      name: "AbortError",
    });

    await eventually("the connection to the proxy is closed", () => open === 0 || undefined);
  });

  it("that breaks off is told as the proxy", async () => {
    const { endpoint } = await startHidden();
    const port = await listen(createServer((socket) => socket.end()));
    const transport = quickTransport({ env: { ALL_PROXY: `127.0.0.1:${port}` } });

    await expect(ask(endpoint, "", { transport })).rejects.toMatchObject({
      code: "UNAVAILABLE",
      details: { proxy: `127.0.0.1:${port}` },
    });
  });

  it("is not asked for this machine, nor for what NO_PROXY has", async () => {
    const { port, url } = await startServer(whoAsks);
    const proxy = await startProxy({ to: port });
    const transport = quickTransport({ env: { ALL_PROXY: proxy.url, NO_PROXY: ".test" } });

    expect((await ask(endpointAt(url), "", { transport })).status).toBe(200);
    await expect(ask(plain, "", { transport })).rejects.toMatchObject({ code: "UNAVAILABLE" });

    expect(proxy.asked).toEqual([]);
  });

  it("of another kind is refused by name, before anything is sent", async () => {
    const { endpoint } = await startHidden();
    const transport = quickTransport({ env: { ALL_PROXY: "socks5://127.0.0.1:1080" } });

    await expect(ask(endpoint, "", { transport })).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: "proxies of type socks5 are not supported",
    });
  });

  it("may itself speak TLS", async () => {
    const { port, endpoint } = await startHidden();
    const proxy = await startProxy({ to: port });
    // Nobody vouches for it: the tunnel's certificate is the proxy's own matter.
    const { url } = await startServer(whoAsks, authority.issue());
    const transport = quickTransport({ env: { HTTPS_PROXY: url } });

    await expect(ask(endpoint, "", { transport })).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringContaining("proxy 127.0.0.1:") as string,
    });
    expect(proxy.asked).toEqual([]);
  });
});
