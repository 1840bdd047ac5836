/** A registry that means harm to those who push to it, or list its tags. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Engine } from "../../lib/engine/engine.ts";
import { testEngine } from "../helpers/engine.ts";
import { LOGIN, refusalOf, serveGood } from "../helpers/hostile-registry.ts";
import { busyboxArchive } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type Answering, ScriptedRegistry } from "../helpers/scripted-registry.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("a hostile registry", () => {
  expectNothingLeft();

  let registry: ScriptedRegistry;
  let other: ScriptedRegistry;
  let engine: Engine;

  beforeAll(async () => {
    registry = await ScriptedRegistry.start();
    other = await ScriptedRegistry.start();
    engine = await testEngine();
    await engine.images.load(busyboxArchive());
    await engine.images.tag("busybox", `${registry.host}/box:1`);
  });
  beforeEach(() => {
    registry.heard.length = 0;
    other.heard.length = 0;
  });
  afterEach(() => {
    registry.answering = () => false;
  });

  const push = () => refusalOf(engine.images.push(`${registry.host}/box:1`, { auth: LOGIN }));
  const withPassword = () =>
    other.heard.filter(({ headers }) => headers.authorization !== undefined);

  const asksForPassword: Answering = ({ request }, answer) => {
    if (request.headers.authorization !== undefined) return false;
    answer.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
    return true;
  };

  it("that has uploads go to another host does not have its password go there", async () => {
    registry.answering = (asked, answer) => {
      if (asksForPassword(asked, answer)) return true;
      if (asked.stage !== "upload-start") return false;
      answer.writeHead(202, { location: `http://a:b@${other.host}/v2/box/blobs/uploads/1` }).end();
      return true;
    };

    await push();

    expect(other.heard.length).toBeGreaterThan(0);
    expect(withPassword()).toEqual([]);
  });

  it.each(["file:///etc/passwd", "http://[::", "//", "javascript:1"])(
    "cannot have anything sent to %s",
    async (location) => {
      registry.answering = ({ stage }, answer) => {
        if (stage !== "upload-start") return false;
        answer.writeHead(202, { location }).end();
        return true;
      };

      const { code } = await push();

      expect(code).toBe("CORRUPT");
    },
  );

  it("that redirects what is sent to it does not get it sent elsewhere", async () => {
    registry.answering = ({ request }, answer) => {
      if (request.method !== "POST" && request.method !== "PUT") return false;
      answer.writeHead(307, { location: `${other.url}/v2/box/blobs/uploads/1` }).end();
      return true;
    };

    const { code } = await push();

    expect(code).toBe("CORRUPT");
    expect(other.heard).toEqual([]);
  });

  it("that is never content with an upload is given up", async () => {
    let asked = 0;
    registry.answering = ({ stage, request }, answer) => {
      if (!stage.startsWith("upload-")) return false;
      asked++;
      const location = `${registry.url}/v2/box/blobs/uploads/1`;
      if (request.method === "PATCH") answer.writeHead(416, { location, range: "0-0" }).end();
      else answer.writeHead(202, { location, range: "0-0" }).end();
      return true;
    };

    const { code } = await push();

    expect(["CORRUPT", "UNAVAILABLE", "NOT_FOUND"]).toContain(code);
    expect(asked).toBeLessThan(60);
  });

  it("that says it has everything has to have the manifest all the same", async () => {
    registry.answering = ({ stage }, answer) => {
      if (stage !== "blob-head") return false;
      answer.writeHead(200, { "content-length": "1" }).end();
      return true;
    };

    const { code } = await push();

    expect(["CORRUPT", "NOT_FOUND"]).toContain(code);
  });

  describe("with tags", () => {
    const pages = (link: (page: number) => string): Answering => {
      let page = 0;
      return ({ stage }, answer) => {
        if (stage !== "tags") return false;
        page++;
        const headers = { "content-type": "application/json", link: link(page) };
        answer.writeHead(200, headers).end(JSON.stringify({ name: "box", tags: [`t${page}`] }));
        return true;
      };
    };
    const pullAll = () => refusalOf(engine.images.pullAll(`${registry.host}/box`, { auth: LOGIN }));

    it("whose pages go in a circle is found out", async () => {
      serveGood(registry);
      registry.answering = pages(() => `</v2/box/tags/list?last=a>; rel="next"`);

      const { code } = await pullAll();

      expect(["CORRUPT", "NOT_FOUND"]).toContain(code);
      expect(registry.heard.filter(({ stage }) => stage === "tags").length).toBeLessThan(20);
    });

    it("whose next page is elsewhere gets no password sent there", async () => {
      const next = pages(() => `<${other.url}/v2/box/tags/list>; rel="next"`);
      registry.answering = (asked, answer) => asksForPassword(asked, answer) || next(asked, answer);

      await pullAll();

      expect(withPassword()).toEqual([]);
    });

    it.each(["../../etc/passwd", "-rf", "a b", "\u001B[31m", "", "x".repeat(300)])(
      "that are none is refused: %j",
      async (tag) => {
        registry.answering = ({ stage }, answer) => {
          if (stage !== "tags") return false;
          answer.writeHead(200).end(JSON.stringify({ name: "box", tags: [tag] }));
          return true;
        };

        const { code, message } = await pullAll();

        expect(["CORRUPT", "INVALID_ARGUMENT", "NOT_FOUND"]).toContain(code);
        expect(message).not.toContain("\u001B");
      },
    );
  });
});
