import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import type { MarmitaError } from "../../../lib/errors.ts";
import { Authorizer } from "../../../lib/registry/auth.ts";
import { Tokens } from "../../../lib/registry/tokens.ts";
import { FakeTransport, endpoint } from "./fake-registry.ts";

const HOST = "registry.example.com";
const REGISTRY = endpoint(`https://${HOST}/`);
const BEARER = 'Bearer realm="https://auth.example.com/token"';
const credentials = { username: "ann", password: "s3cret" };
const FILE = "/home/ann/.docker/config.json";

describe("a realm's refusal", () => {
  it.each([
    { of: "nobody", found: undefined, words: "not logged in, or not allowed", named: undefined },
    {
      of: "what a file has",
      found: { credentials, source: FILE },
      words: `the credentials from ${FILE} were refused`,
      named: FILE,
    },
    {
      of: "what a helper has",
      found: { credentials, source: FILE, helper: "docker-credential-pass" },
      words: "the credentials from docker-credential-pass were refused",
      named: "docker-credential-pass",
    },
  ])("of $of is told as such", async ({ found, words, named }) => {
    const transport = new FakeTransport(() => {
      return { status: 401, headers: { "www-authenticate": BEARER } };
    });
    const find = async () => found;
    const authorizer = new Authorizer({ tokens: new Tokens({ transport }), domain: HOST, find });

    const failure: unknown = await authorizer
      .send({ endpoint: REGISTRY, scopes: [] }, (headers) =>
        transport.request({ method: "GET", url: REGISTRY.base, headers, endpoint: REGISTRY }),
      )
      .catch((error: unknown) => error);

    expect(failure).toMatchObject({ message: `token for ${HOST}: ${words}` });
    const { details, hint } = failure as MarmitaError;
    expect(details["credentials"]).toBe(named);
    expect(hint).toMatch(/: marmita login registry\.example\.com$/);
    expect(inspect(failure, { depth: 9 })).not.toContain("s3cret");
  });
});
