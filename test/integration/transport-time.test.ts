import { createHash, randomBytes } from "node:crypto";
import type { RequestListener } from "node:http";
import { type Socket, createServer } from "node:net";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import type { Endpoint } from "../../lib/registry/endpoints.ts";
import { responseError } from "../../lib/registry/wire-error.ts";
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

/** A byte now and then, and no end. */
async function serveDrips(status: number): Promise<{ endpoint: Endpoint; url: string }> {
  const { url } = await startServer((_, response) => {
    response.writeHead(status);
    const timer = setInterval(() => response.write("x"), 20);
    response.once("close", () => clearInterval(timer));
  });
  const timeouts = { ...SHORT, documentMs: 300 };
  return { url, endpoint: endpointAt(url, { isInsecure: true, timeouts }) };
}

describe("time", () => {
  it.each([
    ["an answer does not come", () => {}],
    [
      "headers drip",
      (socket: Socket) => {
        socket.write("HTTP/1.1 200 OK\r\n");
        const timer = setInterval(() => socket.write("a: b\r\n"), 20);
        socket.once("close", () => clearInterval(timer));
      },
    ],
    [
      "there is always another 1xx",
      (socket: Socket) => {
        const timer = setInterval(() => socket.write("HTTP/1.1 102 Processing\r\n\r\n"), 20);
        socket.once("close", () => clearInterval(timer));
      },
    ],
  ])("is up when %s", async (_, answer) => {
    const endpoint = await serveBytes(answer);
    const transport = quickTransport({ attempts: 1 });

    await expect(ask(endpoint, "", { transport })).rejects.toMatchObject({
      code: "UNAVAILABLE",
      errno: "ETIMEDOUT",
      step: "headers",
      message: expect.stringMatching(/no answer within 0\.15 s$/) as string,
    });
  });

  it("is not read any further than headers may be long", async () => {
    const endpoint = await serveBytes((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      const more = () => {
        while (!socket.destroyed && socket.write(`x-header: ${"y".repeat(1_000)}\r\n`));
      };
      socket.on("drain", more);
      more();
    });

    await expect(ask(endpoint, "")).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(/its headers do not end$/) as string,
    });
  });

  it("is up when a body is silent", async () => {
    const { endpoint } = await serve((_, response) => {
      response.writeHead(200, { "content-length": "10" }).write("abc");
    });

    const response = await ask(endpoint, "blob");

    await expect(buffer(response.body)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      step: "body",
      errno: "ETIMEDOUT",
      message: `${endpoint.base.href}blob: nothing more came for 0.15 s`,
    });
  });

  it("is not up while a body comes, however slowly", async () => {
    const { endpoint } = await serve((_, response) => {
      let left = 8;
      const timer = setInterval(() => {
        response.write("x");
        if (--left === 0) {
          clearInterval(timer);
          response.end();
        }
      }, 50);
    });

    expect(await textOf(await ask(endpoint, ""))).toBe("xxxxxxxx");
  });

  it("is up when a document drips", async () => {
    const { endpoint, url } = await serveDrips(200);

    const reading = ask(endpoint, "manifest").then(async (response) => response.read(50_000));

    await expect(reading).rejects.toMatchObject({
      code: "UNAVAILABLE",
      step: "body",
      errno: "ETIMEDOUT",
      message: `${url}manifest: it was not here whole after 0.3 s`,
    });
  });

  it("is up when an error drips, which is told without the registry's words", async () => {
    const { endpoint } = await serveDrips(403);
    const response = await ask(endpoint, "manifest");

    const error = await responseError(response, "manifest", { registry: endpoint.host });

    expect(error).toMatchObject({ code: "DENIED", message: "manifest: access denied" });
  });

  it("is not up while nobody takes what has come", async () => {
    const bytes = randomBytes(8_000_000);
    const { endpoint } = await serve((_, response) => void response.end(bytes));
    const { body } = await ask(endpoint, "");

    await eventually("the body is full", () => (body.readableLength > 0 ? true : undefined));
    await new Promise((resolve) => setTimeout(resolve, 2.5 * SHORT.idleMs));

    const hash = createHash("sha256")
      .update(await buffer(body))
      .digest("hex");
    expect(hash).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  it("is up when nobody takes what is sent", async () => {
    const { endpoint } = await serve(() => {}); // it never reads
    const body = randomBytes(30_000_000);
    const transport = quickTransport({ attempts: 1 });

    await expect(ask(endpoint, "", { transport, method: "PATCH", body })).rejects.toMatchObject({
      code: "UNAVAILABLE",
      errno: "ETIMEDOUT",
      step: "send",
    });
  });

  it("is not up while the source of a body is slow", async () => {
    const { endpoint } = await serve((request, response) => {
      void buffer(request).then((bytes) => response.end(bytes));
    });
    async function* slowly() {
      for (const text of ["a", "b"]) {
        await new Promise((resolve) => setTimeout(resolve, 2 * SHORT.idleMs));
        yield Buffer.from(text);
      }
    }
    const body = { length: 2, open: () => Readable.from(slowly()) };

    expect(await textOf(await ask(endpoint, "", { method: "PATCH", body }))).toBe("ab");
  });
});

describe("a body", () => {
  it.each([
    ["ends before its length", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"],
    [
      "ends in the middle of a chunk",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nabc",
    ],
    [
      "ends without its last chunk",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ],
    ["has a chunk that is none", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc"],
  ])("that %s is broken", async (_, text) => {
    const endpoint = await serveBytes((socket) => socket.end(text));

    const reading = ask(endpoint, "").then(async ({ body }) => buffer(body));

    await expect(reading).rejects.toMatchObject({
      code: "UNAVAILABLE",
      details: { registry: endpoint.host },
    });
  });

  it("is read no further than allowed", async () => {
    let sent = 0;
    const { endpoint } = await serve((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(10_000))) sent += 10_000;
      };
      response.on("drain", more);
      more();
    });

    const response = await ask(endpoint, "manifest");

    await expect(response.read(50_000)).rejects.toMatchObject({
      code: "CORRUPT",
      message: `${endpoint.base.href}manifest is longer than 50000 bytes, which nothing of its kind is`,
    });
    expect(sent).toBeLessThan(20_000_000);
  });

  it("may be as long as allowed", async () => {
    const { endpoint } = await serve((_, response) => void response.end("x".repeat(100)));

    expect((await (await ask(endpoint, "")).read(100)).length).toBe(100);
  });

  it("nobody wants is not read to its end", async () => {
    let closed = false;
    const { endpoint } = await serve((_, response) => {
      response.on("close", () => (closed = true));
      response.writeHead(200, { "content-length": "100000000" }).write("x");
    });

    (await ask(endpoint, "")).discard();

    expect(await eventually("the connection is closed", () => closed || undefined)).toBe(true);
  });
});
