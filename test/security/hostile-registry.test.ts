/** A registry that means harm: what it sends is refused, and it learns nothing it should not. */
import { readdir } from "node:fs/promises";
import type { OutgoingHttpHeaders } from "node:http";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CONFIG, INDEX, LAYER, MANIFEST } from "../../fixtures/layout-writer.mjs";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import type { MarmitaError } from "../../lib/errors.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import {
  LOGIN,
  SECRETS,
  refusalOf,
  serveGood,
  serveManifest,
} from "../helpers/hostile-registry.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type Answering, ScriptedRegistry } from "../helpers/scripted-registry.ts";
import type { Stage } from "../helpers/registry-stages.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const NOWHERE = `sha256:${"0".repeat(64)}`;
const GIB = 2 ** 30;

describe.runIf(requireUserNamespaces())("a hostile registry", () => {
  expectNothingLeft();

  let registry: ScriptedRegistry;
  let other: ScriptedRegistry;
  let engine: Engine;
  let good: Record<string, unknown>;

  beforeAll(async () => {
    registry = await ScriptedRegistry.start();
    other = await ScriptedRegistry.start();
  });
  beforeEach(async () => {
    registry.heard.length = 0;
    other.heard.length = 0;
    good = serveGood(registry);
    const timeouts = { connectMs: 2_000, headersMs: 500, idleMs: 500 };
    engine = await openEngine({
      root: await temporaryFolder(),
      registries: { registries: { [registry.host]: { timeouts } } },
    });
  });
  afterEach(async () => {
    registry.answering = () => false;
    other.answering = () => false;
    await engine[Symbol.asyncDispose]();
  });

  /** What is told of it. No part of an image may be there then. */
  async function pull(tag: string): Promise<MarmitaError> {
    const error = await refusalOf(
      engine.images.pull(`${registry.host}/box:${tag}`, { auth: LOGIN }),
    );
    expect(await engine.images.list()).toEqual([]);
    expect(await kept(engine.root)).toEqual([]);
    return error;
  }

  const asksForPassword: Answering = ({ request }, answer) => {
    if (request.headers.authorization !== undefined) return false;
    answer.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
    return true;
  };

  describe("with documents", () => {
    const descriptor = (size: number) => ({ mediaType: LAYER, digest: NOWHERE, size });
    const cases: readonly (readonly [string, () => void, string])[] = [
      [
        "that are larger than any manifest",
        () => serveManifest(registry, "bad", " ".repeat(4 * 2 ** 20 + 1)),
        "CORRUPT",
      ],
      ["that are no JSON", () => serveManifest(registry, "bad", "{"), "CORRUPT"],
      ["that are empty", () => serveManifest(registry, "bad", ""), "CORRUPT"],
      [
        "with more layers than can be mounted",
        () => serveManifest(registry, "bad", { ...good, layers: many(128) }),
        "UNSUPPORTED CORRUPT",
      ],
      [
        "with 20,000 layers",
        () => serveManifest(registry, "bad", { ...good, layers: many(20_000) }),
        "UNSUPPORTED CORRUPT",
      ],
      [
        "with a config of a GiB",
        () =>
          serveManifest(registry, "bad", {
            ...good,
            config: { mediaType: CONFIG, digest: NOWHERE, size: GIB },
          }),
        "CORRUPT",
      ],
      [
        "with a layer that is not there",
        () => serveManifest(registry, "bad", { ...good, layers: [descriptor(2 ** 53 - 1)] }),
        "NOT_FOUND CORRUPT UNAVAILABLE",
      ],
      [
        "with a layer of another type",
        () => {
          const layers = [{ ...descriptor(4), mediaType: "application/x-iso9660-image" }];
          serveManifest(registry, "bad", { ...good, layers });
        },
        "UNSUPPORTED",
      ],
      ["with indexes in indexes", () => nested(40), "CORRUPT UNSUPPORTED"],
      [
        "with an index of nothing",
        () =>
          serveManifest(
            registry,
            "bad",
            { schemaVersion: 2, mediaType: INDEX, manifests: [] },
            INDEX,
          ),
        "UNSUPPORTED",
      ],
      [
        "that could be an index, too (CVE-2021-41190)",
        () => serveManifest(registry, "bad", { ...good, manifests: [] }),
        "CORRUPT",
      ],
    ];

    it.each(cases)("%s", async (_, serve, codes) => {
      serve();

      const { code } = await pull("bad");

      expect(codes.split(" ")).toContain(code);
      expect(registry.heard.length).toBeLessThan(30);
    });

    function many(count: number): object[] {
      return Array.from({ length: count }, () => (good["layers"] as object[])[0]!);
    }

    function nested(depth: number): void {
      let digest = serveManifest(registry, "good", good);
      let size = JSON.stringify(good).length;
      let mediaType: string = MANIFEST;
      for (let level = 0; level < depth; level++) {
        const index = {
          schemaVersion: 2,
          mediaType: INDEX,
          manifests: [{ mediaType, digest, size }],
        };
        digest = serveManifest(registry, "bad", index, INDEX);
        size = JSON.stringify(index).length;
        mediaType = INDEX;
      }
    }
  });

  it("is not followed to places that layers name themselves", async () => {
    const urls = [`${other.url}/v2/box/blobs/${NOWHERE}`];
    const layers = [{ mediaType: LAYER, digest: NOWHERE, size: 4, urls }];
    serveManifest(registry, "bad", { ...good, layers });

    const { code } = await pull("bad");

    expect(code).toBe("NOT_FOUND");
    expect(other.heard).toEqual([]);
  });

  it("that sends more of a layer than there is gets nothing written", async () => {
    let sent = 0;
    registry.answering = ({ stage }, answer) => {
      if (stage !== "blob") return false;
      answer.writeHead(200);
      const part = Buffer.alloc(65_536);
      const more = (): void => {
        while (answer.writable && sent < GIB) {
          sent += part.length;
          if (!answer.write(part)) return void answer.once("drain", more);
        }
      };
      more();
      return true;
    };

    const { code } = await pull("good");

    expect(code).toBe("CORRUPT");
    expect(sent).toBeLessThan(64 * 2 ** 20);
  });

  describe("does not learn a password", () => {
    const elsewhere = () =>
      other.heard.filter(({ headers }) => headers.authorization !== undefined);

    it.each<readonly Stage[]>([["manifest-head", "manifest-tag"], ["manifest-digest"], ["blob"]])(
      "of who is sent elsewhere: %s",
      async (...sentElsewhere) => {
        registry.answering = (asked, answer) => {
          if (asksForPassword(asked, answer)) return true;
          if (!sentElsewhere.includes(asked.stage)) return false;
          answer.writeHead(307, { location: `${other.url}${asked.url.pathname}` }).end();
          return true;
        };

        await pull("good");

        expect(other.heard.length).toBeGreaterThan(0);
        expect(elsewhere()).toEqual([]);
        expect(registry.heard.some(({ headers }) => headers.authorization !== undefined)).toBe(
          true,
        );
      },
    );

    it("by a challenge that names another host, unless that is a realm", async () => {
      registry.answering = ({ request }, answer) => {
        if (request.headers.authorization !== undefined) return false;
        const challenge = `Basic realm="${other.url}"`;
        answer.writeHead(401, { "www-authenticate": challenge, location: other.url }).end();
        return true;
      };
      registry.manifests.clear();

      await pull("good");

      expect(other.heard).toEqual([]);
    });

    it.each(["file:///etc/passwd", "ftp://127.0.0.1/", "javascript:1", "", "//", "http://a:b@c/"])(
      "by a realm that is no place for one: %j",
      async (realm) => {
        registry.answering = (_, answer) => {
          answer
            .writeHead(401, { "www-authenticate": `Bearer realm="${realm}",service="x"` })
            .end();
          return true;
        };

        const { code } = await pull("good");

        expect(["UNAUTHORIZED", "CORRUPT", "UNAVAILABLE"]).toContain(code);
      },
    );
  });

  it("cannot have a password repeated in what is told of it", async () => {
    registry.answering = (asked, answer) => {
      if (asksForPassword(asked, answer)) return true;
      if (asked.request.method === "HEAD") return false; // it has no words
      const echo = `no ${asked.request.headers.authorization} ${SECRETS.join(" ")}`;
      const body = JSON.stringify({ errors: [{ code: echo, message: echo, detail: echo }] });
      answer.writeHead(403, { "content-type": "application/json", warning: echo }).end(body);
      return true;
    };

    const { code, message } = await pull("good");

    expect(code).toBe("DENIED");
    expect(message).toContain("[secret]");
  });

  it("cannot send escapes to a terminal", async () => {
    const evil = "\u001B]0;owned\u0007\u001B[2J\r\n\u009B31m\u202Eevil";
    registry.answering = (_, answer) => {
      const errors = [{ code: evil, message: evil }];
      answer.writeHead(403, { "content-type": "application/json" }).end(JSON.stringify({ errors }));
      return true;
    };

    const { message, hint, details } = await pull("good");

    const shown = JSON.stringify([message, hint, details]);
    expect(shown).not.toMatch(/\\u00(?:0|1|9)|\\r|\\n|[\u0080-\u009F\u202A-\u202E]/);
  });

  it.each<[string, Answering]>([
    ["headers of any length", answered(200, { "x-long": "a".repeat(200_000) })],
    ["any number of headers", answered(200, manyHeaders(3_000))],
    [
      "early hints for ever",
      (_, answer) => {
        const telling = setInterval(() => answer.writeProcessing(), 5);
        answer.once("close", () => clearInterval(telling));
        return true;
      },
    ],
    [
      "a challenge of any length",
      answered(401, {
        "www-authenticate": `Bearer realm="${"a".repeat(9_000)}"${',x="\\"'.repeat(900)}`,
      }),
    ],
    ["a status that does not exist", answered(999)],
    ["a status of nothing", answered(204)],
    ["a part that nobody asked for", answered(206, { "content-range": "bytes 0-9/10" })],
    ["that nothing has changed", answered(304, { etag: "x" })],
    ["a change of protocol", written("101 Switching\r\nupgrade: x\r\nconnection: upgrade")],
    ["two lengths", written("200 OK\r\ncontent-length: 1\r\ncontent-length: 9")],
  ])("is told of, not waited for, when it sends %s", async (_, answering) => {
    registry.answering = answering;
    const began = performance.now();

    const { code } = await pull("good");

    expect(["UNAVAILABLE", "CORRUPT", "UNAUTHORIZED"]).toContain(code);
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  it("is no longer waited for when the caller has had enough, whatever it is at", async () => {
    for (const silent of ["manifest-head", "manifest-digest", "config", "blob"]) {
      const abort = new AbortController();
      registry.answering = ({ stage }) => {
        if (stage !== silent && !(silent === "config" && stage === "blob")) return false;
        setTimeout(() => abort.abort(), 20);
        return true;
      };
      const began = performance.now();

      const pulling = engine.images.pull(`${registry.host}/box:good`, { signal: abort.signal });

      await expect(pulling).rejects.toMatchObject({ name: "AbortError" });
      expect(await kept(engine.root)).toEqual([]);
      expect(performance.now() - began).toBeLessThan(450);
    }
  });
});

function answered(status: number, headers: OutgoingHttpHeaders = {}): Answering {
  return (_, answer) => {
    answer.writeHead(status, headers).end();
    return true;
  };
}

/** What no server would let pass. */
function written(head: string): Answering {
  return ({ request }) => {
    request.socket.write(`HTTP/1.1 ${head}\r\n\r\nx`);
    return true;
  };
}

function manyHeaders(count: number): OutgoingHttpHeaders {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`x-${at}`, "a"]));
}

/** Parts of images: what a failed pull may leave is not among them. */
async function kept(root: string): Promise<readonly string[]> {
  const folders = ["images/blobs/sha256", "layers"].map((folder) => join(root, folder));
  const names = await Promise.all(folders.map((folder) => readdir(folder).catch(() => [])));
  return names.flat();
}
