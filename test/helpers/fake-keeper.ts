/** A keeper's socket without a keeper: says what a test wants, and tells what it was told. */
import { closeSync, constants, openSync } from "node:fs";
import { basename, dirname } from "node:path";
import { type Server, type Socket, createServer } from "node:net";
import { FRAME, type FrameType, encodeFrame } from "../../lib/runtime/frames.ts";
import { eventually } from "./eventually.ts";

export const HELLO = {
  event: "hello",
  pid: 42,
  startedAt: "2026-11-22T09:00:00.000000000Z",
  tty: false,
  openStdin: true,
  restarting: false,
};

type Answers = (order: string) => object | undefined;

export interface FakeOptions {
  /** `null`: it says nothing. */
  readonly hello?: object | null;
  /** Said in the same breath to whoever connects; they are counted from 0. */
  readonly news?: (connection: number) => object | undefined;
  /** To an order; nothing where it is to wait. Default: all are done at once. */
  readonly answers?: Answers;
}

export class FakeKeeper implements AsyncDisposable {
  /** One for each connection, in the order of their coming. */
  readonly clients: FakeClient[] = [];
  readonly #server: Server;

  private constructor(server: Server, answers: Answers) {
    this.#server = server;
    server.on("connection", (socket) => this.clients.push(new FakeClient(socket, answers)));
  }

  static async listen(
    path: string,
    { hello = HELLO, news, answers = done }: FakeOptions = {},
  ): Promise<FakeKeeper> {
    const server = createServer();
    const keeper = new FakeKeeper(server, answers);
    server.on("connection", () => {
      const events = [hello, news?.(keeper.clients.length - 1)];
      keeper.clients.at(-1)?.tell(...events.flatMap((event) => event ?? []));
    });
    // The path itself may be longer than the address of a socket can be.
    const directory = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
    const short = `/proc/self/fd/${directory}/${basename(path)}`;
    await new Promise<void>((resolve) => server.listen({ path: short }, resolve));
    closeSync(directory);
    return keeper;
  }

  async client(index = 0): Promise<FakeClient> {
    return eventually(`client ${index}`, () => this.clients[index]);
  }

  /** As when it is killed. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients) client.hangUp();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function done(): object | undefined {
  return { event: "done" };
}

export class FakeClient {
  readonly orders: string[] = [];
  /** What it typed; `null` for the end. */
  readonly typed: (string | null)[] = [];
  readonly socket: Socket;
  #rest = Buffer.alloc(0);

  constructor(socket: Socket, answers: Answers) {
    this.socket = socket;
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => this.#hear(chunk, answers));
  }

  /** All in one write. */
  tell(...events: readonly object[]): void {
    this.socket.cork();
    for (const event of events) this.send(FRAME.words, JSON.stringify(event));
    this.socket.uncork();
  }

  send(type: FrameType, text: string | Buffer): void {
    this.socket.write(encodeFrame(type, Buffer.from(text)));
  }

  async ordered(order: string): Promise<void> {
    await eventually(`the order ${order}`, () => this.orders.includes(order) || undefined);
  }

  hangUp(): void {
    this.socket.destroy();
  }

  #hear(chunk: Buffer, answers: Answers): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const size = this.#rest.length < 8 ? Infinity : this.#rest.readUInt32BE(4);
      if (this.#rest.length < 8 + size) return;
      const type = this.#rest[0];
      const text = this.#rest.subarray(8, 8 + size).toString();
      this.#rest = this.#rest.subarray(8 + size);
      if (type === FRAME.stdin) this.typed.push(size === 0 ? null : text);
      if (type !== FRAME.words) continue;
      this.orders.push(text);
      const answer = answers(text);
      if (answer !== undefined) this.tell(answer);
    }
  }
}
