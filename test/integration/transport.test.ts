import { randomBytes } from "node:crypto";
import type { RequestListener, Server, ServerResponse } from "node:http";
import { type Socket, createServer } from "node:net";
import { Readable } from "node:stream";
import { inspect } from "node:util";
import { buffer } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import type { Endpoint } from "../../lib/registry/endpoints.ts";
import type { WireRetry } from "../../lib/registry/wire-message.ts";
import { eventually } from "../helpers/eventually.ts";
import { ask, endpointAt, quickTransport, textOf } from "../helpers/wire.ts";
import { type TestServer, listen, startServer } from "../helpers/wire-servers.ts";

const SHORT = { connectMs: 150, headersMs: 150, idleMs: 150 };

async function serve(answer: RequestListener): Promise<{ server: TestServer; endpoint: Endpoint }> {
  const server = await startServer(answer);
  return { server, endpoint: endpointAt(server.url, { isInsecure: true, timeouts: SHORT }) };
}

/** What is sent for each connection, whatever was asked. */
async function serveBytes(answer: (socket: Socket) => void): Promise<Endpoint> {
  const port = await listen(createServer((socket) => socket.once("data", () => answer(socket))));
  return endpointAt(`http://127.0.0.1:${port}/`, { isInsecure: true, timeouts: SHORT });
}

/** Answers of one server, one after the other; the last one for all that come later. */
function inTurn(...answers: ((response: ServerResponse) => void)[]): RequestListener {
  let count = 0;
  return (request, response) => {
    request.resume();
    answers[Math.min(count++, answers.length - 1)]?.(response);
  };
}

const status = (code: number, headers = {}) => {
  return (response: ServerResponse) => void response.writeHead(code, headers).end(`status ${code}`);
};
const breakOff = (response: ServerResponse) => void response.destroy();

describe("a request", () => {
  it("is answered with any status", async () => {
    const { endpoint } = await serve(inTurn(status(404, { "x-header": "a" })));

    const response = await ask(endpoint, "v2/nothing");

    expect(response.status).toBe(404);
    expect(response.headers["x-header"]).toBe("a");
    expect(response.url.href).toBe(`${endpoint.base.href}v2/nothing`);
    expect(await textOf(response)).toBe("status 404");
  });

  it("says who asks, and wants no encoding", async () => {
    const { server, endpoint } = await serve(inTurn(status(200)));

    await textOf(await ask(endpoint, "v2/", { headers: { Accept: "a/b" } }));

    expect(server.seen[0]?.headers).toMatchObject({
      "user-agent": "marmita",
      "accept-encoding": "identity",
      accept: "a/b",
    });
  });

  it("uses a connection again", async () => {
    const { server, endpoint } = await serve((_, response) => {
      response.writeHead(200, { "content-length": "2" }).end("ok");
    });
    const transport = quickTransport();
    let connections = 0;
    server.server.on("connection", () => connections++);

    for (let count = 0; count < 3; count++) await textOf(await ask(endpoint, "", { transport }));
    (await ask(endpoint, "", { transport, method: "HEAD" })).discard();
    (await ask(endpoint, "", { transport })).discard();
    await textOf(await ask(endpoint, "", { transport }));

    expect(connections).toBe(1);
  });

  it("sends a body of bytes", async () => {
    const { endpoint } = await serve((request, response) => void request.pipe(response));
    const bytes = randomBytes(3_000_000);

    const response = await ask(endpoint, "", { method: "PUT", body: bytes });

    expect(bytes.equals(await response.read(bytes.length))).toBe(true);
  });

  it("sends a body that is opened, and says how long it is", async () => {
    const { server, endpoint } = await serve((request, response) => void request.pipe(response));
    const body = { length: 6, open: () => Readable.from([Buffer.from("abc"), Buffer.from("def")]) };

    const response = await ask(endpoint, "", { method: "PATCH", body });

    expect(await textOf(response)).toBe("abcdef");
    expect(server.seen[0]?.headers["content-length"]).toBe("6");
  });

  it("is not sent with a header that would be two", async () => {
    const { server, endpoint } = await serve(inTurn(status(200)));
    const headers = { authorization: "Bearer secret\r\nx-header: y" };

    const error: unknown = await ask(endpoint, "", { headers }).catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ code: "CORRUPT", errno: "ERR_INVALID_CHAR" });
    expect(inspect(error)).not.toContain("secret");
    expect(server.seen).toEqual([]);
  });

  it.each([
    ["shorter", 7],
    ["longer", 5],
  ])("ends when its body is %s than was said", async (_, length) => {
    const { endpoint } = await serve((request) => void request.resume());
    const body = { length, open: () => Readable.from([Buffer.from("abcdef")]) };

    await expect(ask(endpoint, "", { method: "PUT", body })).rejects.toMatchObject({
      code: "CORRUPT",
      details: { expected: length, actual: 6 },
    });
  });

  it("fails with what its body fails with", async () => {
    const { endpoint } = await serve((request) => void request.resume());
    const failure = new Error("the disk is gone");
    const open = () => new Readable({ read: () => {} }).destroy(failure);

    await expect(ask(endpoint, "", { method: "PUT", body: { length: 5, open } })).rejects.toBe(
      failure,
    );
  });

  it("opens its body once for each attempt, and destroys what it opened", async () => {
    const { endpoint } = await serve(inTurn(status(503), status(503), status(200)));
    const opened: Readable[] = [];
    const open = () => {
      const body = Readable.from([Buffer.from("abc")]);
      opened.push(body);
      return body;
    };

    await textOf(await ask(endpoint, "", { method: "PUT", body: { length: 3, open } }));

    expect(opened).toHaveLength(3);
    expect(opened.every(({ destroyed }) => destroyed)).toBe(true);
  });

  it("takes an answer that comes before its body is sent", async () => {
    const { endpoint } = await serve((_, response) => {
      response.writeHead(401, { connection: "close" }).end("who?");
    });
    const source = new Readable({ read: () => {} });
    source.push(Buffer.alloc(10));

    const response = await ask(endpoint, "", {
      method: "PATCH",
      body: { length: 1_000, open: () => source },
    });

    expect(response.status).toBe(401);
    expect(await textOf(response)).toBe("who?");
    expect(source.destroyed).toBe(true);
  });
});

describe("an attempt that failed", () => {
  it.each([408, 500, 502, 503, 504])("is made again after %d", async (code) => {
    const { server, endpoint } = await serve(inTurn(status(code), status(code), status(200)));
    const retries: WireRetry[] = [];

    expect((await ask(endpoint, "", { retries })).status).toBe(200);

    expect(server.seen).toHaveLength(3);
    expect(retries).toEqual([
      { attempt: 1, delayMs: 200, reason: `status ${code}` },
      { attempt: 2, delayMs: 400, reason: `status ${code}` },
    ]);
  });

  it("is made five times, and the last answer counts", async () => {
    const { server, endpoint } = await serve(inTurn(status(503)));

    const response = await ask(endpoint, "");

    expect(response.status).toBe(503);
    expect(await textOf(response)).toBe("status 503");
    expect(server.seen).toHaveLength(5);
  });

  it("is made twice of a mirror, which others stand behind", async () => {
    const { server, endpoint } = await serve(inTurn(status(503)));

    await textOf(await ask({ ...endpoint, isMirror: true }, ""));

    expect(server.seen).toHaveLength(2);
  });

  it("is not made again when all took too long", async () => {
    let clock = 0;
    const { server, endpoint } = await serve((_, response) => {
      clock += 40_000;
      response.writeHead(503).end();
    });

    await ask(endpoint, "", { transport: quickTransport({ now: () => clock }) });

    expect(server.seen).toHaveLength(3);
  });

  it("waits as long as the registry asks for", async () => {
    const { endpoint } = await serve(inTurn(status(429, { "retry-after": "3" }), status(200)));
    const slept: number[] = [];
    const sleep = async (milliseconds: number) => void slept.push(milliseconds);

    const response = await ask(endpoint, "", { transport: quickTransport({ sleep }) });

    expect(response.status).toBe(200);
    expect(slept).toEqual([3_000]);
  });

  it("is not made again when the registry asks for a long time", async () => {
    const { server, endpoint } = await serve(inTurn(status(429, { "retry-after": "3600" })));

    expect((await ask(endpoint, "")).status).toBe(429);
    expect(server.seen).toHaveLength(1);
  });

  it("is made again when the connection breaks, unless that may do harm", async () => {
    const once = await serve(inTurn(breakOff, status(200)));
    expect((await ask(once.endpoint, "")).status).toBe(200);

    const { server, endpoint } = await serve(inTurn(breakOff, status(200)));
    await expect(ask(endpoint, "", { method: "POST" })).rejects.toMatchObject({
      code: "UNAVAILABLE",
      errno: "ECONNRESET",
      step: "headers",
    });
    expect(server.seen).toHaveLength(1);
  });

  it("is made again with POST where the caller says so", async () => {
    const { endpoint } = await serve(inTurn(breakOff, status(202)));

    expect((await ask(endpoint, "", { method: "POST", retry: true })).status).toBe(202);
  });

  it("is made again when an idle connection was closed meanwhile", async () => {
    const answered: ServerResponse[] = [];
    const { server, endpoint } = await serve((request, response) => {
      request.resume();
      // The second request on a connection finds that it is over.
      if (answered.some(({ req }) => req.socket === request.socket)) return breakOff(response);
      answered.push(response);
      response.writeHead(200).end("ok");
    });
    const transport = quickTransport();
    await textOf(await ask(endpoint, "", { transport }));

    const response = await ask(endpoint, "", { transport, method: "POST" });

    expect(response.status).toBe(200);
    expect(server.seen).toHaveLength(3);
  });

  it("is told with host, attempts and hint", async () => {
    const endpoint = endpointAt("http://127.0.0.1:1/");

    await expect(ask(endpoint, "v2/?secret=1")).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: "GET http://127.0.0.1:1/v2/: connection refused",
      errno: "ECONNREFUSED",
      step: "connect",
      hint: "Nothing listens at 127.0.0.1:1: check host and port.",
      details: { registry: "127.0.0.1:1", attempts: 2 },
    });
  });

  it("is made more often when nobody listens any more, who did before", async () => {
    const { server, endpoint } = await serve(inTurn(status(200)));
    const transport = quickTransport();
    await textOf(await ask(endpoint, "", { transport }));
    await new Promise((resolve) => {
      server.server.close(resolve);
      (server.server as Server).closeAllConnections();
    });

    await expect(ask(endpoint, "", { transport })).rejects.toMatchObject({
      errno: "ECONNREFUSED",
      details: { attempts: 5 },
    });
  });

  it("is not made again for a name that nobody has", async () => {
    const retries: WireRetry[] = [];

    const asking = ask(endpointAt("http://nobody.invalid/"), "v2/", { retries });

    // Where there is no name server at all, it might still come.
    await expect(asking).rejects.toMatchObject({
      code: "UNAVAILABLE",
      errno: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/) as string,
      hint: expect.stringContaining("/etc/resolv.conf") as string,
    });
  });

  it("is not made again where something else is spoken", async () => {
    const endpoint = await serveBytes((socket) => socket.end("220 mail.example ESMTP\r\n"));
    const retries: WireRetry[] = [];

    const error: unknown = await ask(endpoint, "", { retries }).catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(/what it speaks is not HTTP$/) as string,
    });
    expect(inspect(error)).not.toMatch(/mail|32 32 30/);
    expect(retries).toEqual([]);
  });
});

describe("an abort", () => {
  it("before the request sends nothing", async () => {
    const { server, endpoint } = await serve(inTurn(status(200)));

    const asking = ask(endpoint, "", { signal: AbortSignal.abort("enough") });

    await expect(asking).rejects.toMatchObject({ name: "AbortError", cause: "enough" });
    expect(server.seen).toEqual([]);
  });

  it("ends the waiting for an answer", async () => {
    const abort = new AbortController();
    const { endpoint } = await serve(() => abort.abort());

    await expect(ask(endpoint, "", { signal: abort.signal })).rejects.toMatchObject({
      name: "AbortError",
    });
  });

  it("ends the waiting for the next attempt", async () => {
    const abort = new AbortController();
    const { endpoint } = await serve(inTurn(status(503)));
    const transport = quickTransport({
      sleep: async () => {
        abort.abort();
      },
    });

    await expect(ask(endpoint, "", { signal: abort.signal, transport })).rejects.toMatchObject({
      name: "AbortError",
    });
  });

  it("ends a pause that is under way", async () => {
    const abort = new AbortController();
    const { endpoint } = await serve(inTurn(status(503)));
    // Its own clock: the pause is 200 ms and more.
    const asking = ask(endpoint, "", {
      signal: abort.signal,
      transport: quickTransport({ sleep: undefined as never }),
      retries: Object.assign([], { push: () => setImmediate(() => abort.abort()) }),
    });

    await expect(asking).rejects.toMatchObject({ name: "AbortError" });
  });

  it("ends the reading of a body", async () => {
    const abort = new AbortController();
    const { server, endpoint } = await serve((_, response) => {
      response.writeHead(200, { "content-length": "10" }).write("abc");
    });
    const { body } = await ask(endpoint, "", { signal: abort.signal });

    body.once("data", () => abort.abort());

    await expect(buffer(body)).rejects.toMatchObject({ name: "AbortError" });
    await eventually(
      "the connection is closed",
      () => server.seen[0]?.socket.destroyed || undefined,
    );
  });
});

describe("redirects", () => {
  const locations: Record<string, string> = {};
  const moving: RequestListener = (request, response) => {
    const location = locations[request.url ?? ""];
    if (location === undefined) response.end(`here: ${request.headers.authorization ?? "nobody"}`);
    else response.writeHead(307, { location }).end();
  };
  const headers = { authorization: "Bearer secret" };

  afterEach(() => {
    for (const key of Object.keys(locations)) delete locations[key];
  });

  it("are followed within a host with all headers", async () => {
    const { endpoint } = await serve(moving);
    locations["/a"] = "/b";
    locations["/b"] = "/c?sig=1";

    const response = await ask(endpoint, "a", { headers });

    expect(await textOf(response)).toBe("here: Bearer secret");
    expect(response.url.href).toBe(`${endpoint.base.href}c?sig=1`);
  });

  it("to another port lose the password", async () => {
    const elsewhere = await serve(moving);
    const { endpoint } = await serve(moving);
    locations["/a"] = `${elsewhere.server.url}b`;

    expect(await textOf(await ask(endpoint, "a", { headers }))).toBe("here: nobody");
  });

  it("are followed five times", async () => {
    const { server, endpoint } = await serve(moving);
    for (const [at, name] of ["/a", "/b", "/c", "/d", "/e"].entries()) {
      locations[name] = ["/b", "/c", "/d", "/e", "/f"][at]!;
    }
    expect(await textOf(await ask(endpoint, "a"))).toBe("here: nobody");

    locations["/f"] = "/a";
    await expect(ask(endpoint, "a")).rejects.toMatchObject({
      code: "CORRUPT",
      message: expect.stringMatching(/redirects to one place after the other$/) as string,
    });
    expect(server.seen).toHaveLength(12);
  });

  it("are not followed with a body", async () => {
    const { server, endpoint } = await serve(moving);
    locations["/a"] = "/b";

    const response = await ask(endpoint, "a", { method: "PUT", body: Buffer.from("x") });

    expect(response.status).toBe(307);
    response.discard();
    expect(server.seen).toHaveLength(1);
  });

  it("to files are refused", async () => {
    const { endpoint } = await serve(moving);
    locations["/a"] = "file:///etc/passwd";

    await expect(ask(endpoint, "a")).rejects.toMatchObject({ code: "CORRUPT" });
  });

  it("start again from the beginning when their end fails", async () => {
    let count = 0;
    const { server, endpoint } = await serve((request, response) => {
      if (request.url === "/a")
        return void response.writeHead(307, { location: `/b?${count}` }).end();
      response.writeHead(++count === 1 ? 503 : 200).end("here");
    });

    expect(await textOf(await ask(endpoint, "a"))).toBe("here");
    expect(server.seen.map(({ url }) => url)).toEqual(["/a", "/b?0", "/a", "/b?1"]);
  });
});

describe("a transport that is closed", () => {
  it("ends what is under way, and begins nothing more", async () => {
    const transport = quickTransport();
    const { endpoint } = await serve(() => void transport.close());

    await expect(ask(endpoint, "", { transport })).rejects.toMatchObject({ code: "CLOSED" });
    await expect(ask(endpoint, "", { transport })).rejects.toMatchObject({ code: "CLOSED" });
    await transport.close();
  });
});
