import type { IncomingMessage, ServerResponse } from "node:http";
import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { Registries } from "../../lib/registry/registries.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type TestServer, startServer } from "../helpers/wire-servers.ts";

const AUTH = { username: "ann", password: "s3cret-of-ann" };
const SECRETS = /s3cret|czNjcmV0|YW5uO/;

expectNothingLeft();

let registries: Registries | undefined;
afterEach(async () => registries?.close());

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A registry that demands what `challenge` says, of whom nobody is good enough. */
async function demanding(challenge: string): Promise<TestServer> {
  return startServer((_request, response) => {
    response.writeHead(401, { "www-authenticate": challenge });
    response.end('{"errors":[{"code":"UNAUTHORIZED","message":"who are you?"}]}');
  });
}

/** What pulling from it fails with, by somebody who has a password. */
async function failureOf(registry: TestServer, mirrors: readonly string[] = []): Promise<unknown> {
  const timeouts = { connectMs: 500, headersMs: 500, idleMs: 500 };
  const settings = { [registry.host]: { mirrors, timeouts } };
  registries = await Registries.open({
    registries: { registries: settings },
    attempts: 2,
    sleep: async () => undefined,
  });
  const name = { domain: registry.host, path: "ann/box" };
  const client = registries.repository(name, { auth: AUTH, mode: "pull" });
  return client.headManifest("latest").then(
    () => {
      throw new Error("it was pulled");
    },
    (error: unknown) => error,
  );
}

const authorizations = ({ seen }: TestServer) => seen.map(({ headers }) => headers.authorization);

describe("a realm", () => {
  /** The failure where a realm answers so. */
  async function failureWith(answer: Answer): Promise<{ failure: unknown; realm: TestServer }> {
    const realm = await startServer(answer);
    const registry = await demanding(`Bearer realm="${realm.url}token"`);
    return { failure: await failureOf(registry), realm };
  }

  it("that sends ten megabytes is heard no further than it makes sense", async () => {
    let sent = 0;
    const { failure } = await failureWith((_request, response) => {
      const piece = Buffer.alloc(64 * 1024, "s3cret");
      const write = (): void => {
        while (sent < 10 * 1024 * 1024) {
          sent += piece.length;
          if (!response.write(piece)) return;
        }
        response.end();
      };
      response.on("drain", write);
      response.writeHead(200);
      write();
    });

    expect(failure).toMatchObject({ code: "CORRUPT" });
    expect(sent).toBeLessThan(8 * 1024 * 1024);
    expect(inspect(failure, { depth: 9 })).not.toMatch(SECRETS);
  });

  it("that never answers is waited for as long as was said", async () => {
    const { failure } = await failureWith(() => undefined);

    expect(failure).toMatchObject({ code: "UNAVAILABLE" });
    expect(inspect(failure, { depth: 9 })).not.toMatch(SECRETS);
  });

  it("that never ends is waited for as long as was said", async () => {
    const { failure } = await failureWith((_request, response) => {
      response.writeHead(200);
      response.write('{"token": "s3cret');
    });

    expect(failure).toMatchObject({ code: "UNAVAILABLE" });
    expect(inspect(failure, { depth: 9 })).not.toMatch(SECRETS);
  });

  it("that breaks off is told of", async () => {
    const { failure } = await failureWith((_request, response) => {
      response.writeHead(200, { "content-length": 1_000 });
      response.write('{"token": "s3cret', () => response.destroy());
    });

    expect(failure).toMatchObject({ code: "UNAVAILABLE" });
    expect(inspect(failure, { depth: 9 })).not.toMatch(SECRETS);
  });

  it("that sends us elsewhere does not send the password there", async () => {
    const elsewhere = await startServer((_request, response) => {
      response.end('{"token":"t"}');
    });
    const { realm } = await failureWith((_request, response) => {
      response.writeHead(307, { location: `${elsewhere.url}take` });
      response.end();
    });

    expect(authorizations(realm)[0]).toMatch(/^Basic /);
    expect(authorizations(elsewhere)).toEqual([undefined]);
  });

  it.each(["file:///etc/passwd", "gopher://127.0.0.1/", "//"])(
    "that sends us to %s is not followed",
    async (location) => {
      const { failure } = await failureWith((_request, response) => {
        response.writeHead(302, { location });
        response.end();
      });

      expect(failure).toMatchObject({ code: expect.stringMatching(/CORRUPT|UNAVAILABLE/) });
    },
  );

  it.each([
    { name: "with a line in it", token: "t\r\nx-evil: 1" },
    { name: "with a byte that is none of a header's", token: "t\u0100" },
    { name: "that no server takes", token: "t".repeat(60_000) },
  ])("that gives a token $name does not get it into a header", async ({ token }) => {
    const realm = await startServer((_request, response) => {
      response.end(JSON.stringify({ token }));
    });
    const registry = await demanding(`Bearer realm="${realm.url}token"`);

    const failure = await failureOf(registry);

    expect(failure).toMatchObject({
      code: expect.stringMatching(/CORRUPT|UNAVAILABLE|UNAUTHORIZED/),
    });
    expect(registry.seen.every(({ headers }) => headers["x-evil"] === undefined)).toBe(true);
  });

  it("that repeats our password in its refusal does not get it into the error", async () => {
    const { failure } = await failureWith((request, response) => {
      const message = `no: ${request.headers.authorization} s3cret-of-ann`;
      response.writeHead(401);
      response.end(JSON.stringify({ errors: [{ code: "UNAUTHORIZED", message }] }));
    });

    expect(failure).toMatchObject({ code: "UNAUTHORIZED" });
    expect(inspect(failure, { depth: 9 })).not.toMatch(SECRETS);
  });
});

describe("a registry", () => {
  it.each([
    { name: "a password", challenge: 'Basic realm="x"', most: 2 },
    { name: "a thing nobody knows", challenge: "Evil x=y, ".repeat(100), most: 1 },
    { name: "more than can be read", challenge: `Bearer realm="${"\\".repeat(7_000)}`, most: 1 },
  ])("that demands $name for ever is asked no more than a few times", async (demand) => {
    const registry = await demanding(demand.challenge);

    const failure = await failureOf(registry);

    expect(failure).toMatchObject({ code: "UNAUTHORIZED" });
    expect(registry.seen.length).toBeLessThanOrEqual(demand.most);
    expect(inspect(failure, { depth: 9 })).not.toMatch(SECRETS);
  });

  it("that wants more and more is asked no more than a few times", async () => {
    let count = 0;
    const realm = await startServer((_request, response) => {
      response.end(JSON.stringify({ token: `s3cret-${++count}` }));
    });
    const registry = await startServer((_request, response) => {
      const scope = `repository:more-${count}:pull`;
      response.writeHead(401, {
        "www-authenticate": `Bearer realm="${realm.url}t",scope="${scope}"`,
      });
      response.end();
    });

    const failure = await failureOf(registry);

    expect(failure).toMatchObject({ code: "UNAUTHORIZED" });
    expect(registry.seen.length).toBeLessThanOrEqual(3);
    expect(inspect(failure, { depth: 9 })).not.toMatch(SECRETS);
  });

  it("that sends us to a storage which demands a password does not get ours there", async () => {
    const storage = await demanding('Basic realm="x"');
    const registry = await startServer((request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { "www-authenticate": 'Basic realm="y"' });
      } else {
        response.writeHead(307, { location: `${storage.url}blob?signature=s3cret` });
      }
      response.end();
    });

    const failure = await failureOf(registry);

    expect(failure).toMatchObject({ code: "UNAUTHORIZED" });
    expect(authorizations(storage)).toEqual([undefined]);
    expect(inspect(failure, { depth: 9 })).not.toMatch(SECRETS);
  });

  it("that sends us to a storage which names a realm does not get our password there", async () => {
    const realm = await startServer((_request, response) => {
      response.end('{"token":"t"}');
    });
    const storage = await demanding(`Bearer realm="${realm.url}token"`);
    const registry = await startServer((_request, response) => {
      response.writeHead(307, { location: `${storage.url}blob` });
      response.end();
    });

    const failure = await failureOf(registry);

    expect(failure).toMatchObject({ code: "UNAUTHORIZED" });
    expect(realm.seen).toEqual([]);
  });

  it("whose mirror demands a password does not get ours there", async () => {
    const mirror = await demanding('Basic realm="x"');
    const registry = await demanding('Basic realm="y"');

    await failureOf(registry, [mirror.url]);

    expect(authorizations(mirror)).toEqual([undefined]);
    expect(authorizations(registry)[1]).toMatch(/^Basic /);
  });
});
