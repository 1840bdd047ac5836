/** Small HTTP servers on loopback, with and without TLS, and proxies: they end with the test file. */
import { readFileSync } from "node:fs";
import {
  type IncomingMessage,
  type RequestListener,
  type Server,
  createServer,
  request as ask,
} from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, type Server as NetServer, type Socket, connect } from "node:net";
import type { Certificate } from "./certificates.ts";
import { endsWithTests } from "./servers.ts";

export interface ServerTls extends Certificate {
  /** Clients must have a certificate of this one. */
  readonly clientCa?: string;
}

export interface TestServer {
  readonly port: number;
  /** `127.0.0.1:5000` */
  readonly host: string;
  /** `https://127.0.0.1:5000/` */
  readonly url: string;
  readonly server: NetServer;
  /** Of all requests so far. */
  readonly seen: IncomingMessage[];
}

/** `answer` gets every request. */
export async function startServer(answer: RequestListener, tls?: ServerTls): Promise<TestServer> {
  const seen: IncomingMessage[] = [];
  const listener: RequestListener = (request, response) => {
    seen.push(request);
    request.on("error", () => {});
    response.on("error", () => {});
    answer(request, response);
  };
  const server = tls === undefined ? createServer(listener) : secureServer(listener, tls);
  const port = await listen(server);
  const host = `127.0.0.1:${port}`;
  return { port, host, url: `${tls === undefined ? "http" : "https"}://${host}/`, server, seen };
}

function secureServer(listener: RequestListener, { cert, key, clientCa }: ServerTls): Server {
  return createSecureServer(
    {
      cert: readFileSync(cert),
      key: readFileSync(key),
      ...(clientCa !== undefined && { ca: readFileSync(clientCa), requestCert: true }),
    },
    listener,
  );
}

/** Resolves to its port. Its connections are ended with it. */
export async function listen(server: NetServer): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  endsWithTests(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

export interface TestProxy {
  /** `http://127.0.0.1:3128` */
  readonly url: string;
  /** What it was asked for: `CONNECT registry.test:443`, `GET http://registry.test/v2/`. */
  readonly asked: string[];
  /** Of each: what clients showed to the proxy. */
  readonly authorizations: (string | undefined)[];
}

export interface ProxyOptions {
  /** Where all connections go, whatever they asked for: it alone knows the names of a test. */
  readonly to: number;
  /** `user:password`; others get 407. */
  readonly password?: string;
}

/** Tunnels by CONNECT, and asks for `http:` itself. */
export async function startProxy({ to, password }: ProxyOptions): Promise<TestProxy> {
  const asked: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const isAllowed = ({ headers }: IncomingMessage): boolean => {
    const given = headers["proxy-authorization"];
    authorizations.push(given);
    const wanted = Buffer.from(password ?? "").toString("base64");
    return password === undefined || given === `Basic ${wanted}`;
  };
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (!isAllowed(request)) return void response.writeHead(407).end();
    const { pathname, search } = new URL(request.url ?? "");
    const { method, headers } = request;
    const passed = ask({ port: to, path: pathname + search, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    passed.on("error", () => response.destroy());
    request.pipe(passed);
  });
  server.on("connect", (request: IncomingMessage, client: Socket, head: Buffer) => {
    asked.push(`CONNECT ${request.url}`);
    if (!isAllowed(request)) return void client.end("HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n");
    const target = connect(to, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      target.write(head);
      target.pipe(client).pipe(target);
    });
    target.on("error", () => client.destroy());
    client.on("close", () => target.destroy());
  });
  const port = await listen(server);
  return { url: `http://127.0.0.1:${port}`, asked, authorizations };
}
