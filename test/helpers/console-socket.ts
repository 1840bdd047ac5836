/** Whoever shows the terminals of containers: the other end of a console socket. */
import { renameSync, writeSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { ReadStream } from "node:tty";
import { binding } from "../../lib/native/binding.ts";
import { eventually } from "./eventually.ts";

/** A terminal's master, and what it has shown. */
export class Master {
  readonly #fd: number;
  readonly #stream: ReadStream;
  #shown = "";

  constructor(fd: number) {
    this.#fd = fd;
    this.#stream = new ReadStream(fd);
    this.#stream.on("error", () => undefined); // EIO: its last slave was closed
    this.#stream.on("data", (bytes: Buffer) => (this.#shown += String(bytes)));
  }

  type(text: string): void {
    writeSync(this.#fd, text);
  }

  /** The part of what is shown that matches. */
  async shows(pattern: RegExp): Promise<string> {
    return eventually(`${pattern}`, () => pattern.exec(this.#shown)?.[0], 5_000);
  }

  close(): void {
    this.#stream.destroy();
  }
}

/** A listening socket that takes one terminal. */
export class ConsoleSocket {
  readonly #server: Server;
  /** The text it came with, and the terminal. */
  readonly received: Promise<{ readonly name: string; readonly master: Master }>;

  private constructor(server: Server) {
    this.#server = server;
    this.received = once(server, "connection").then(([socket]) => take(socket as Socket));
  }

  /** A path of any length: it was another before. */
  static async listen(path: string): Promise<ConsoleSocket> {
    const server = createServer({ pauseOnConnect: true });
    const short = join(dirname(path), "s");
    server.listen(short);
    await once(server, "listening");
    renameSync(short, path);
    return new ConsoleSocket(server);
  }

  close(): void {
    this.#server.close();
  }
}

/** The descriptor is beside the first byte. */
async function take(socket: Socket): Promise<{ name: string; master: Master }> {
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
  let master: number | undefined;
  while (master === undefined) master = await receive(fd);
  let name = "";
  for await (const bytes of socket) name += String(bytes);
  return { name, master: new Master(master) };
}

/** Undefined where it has not come yet. */
async function receive(fd: number): Promise<number | undefined> {
  try {
    return binding().receive(fd);
  } catch (cause) {
    if ((cause as { errno?: number }).errno !== 11) throw cause;
    await new Promise((resolve) => setTimeout(resolve, 5));
    return undefined;
  }
}
