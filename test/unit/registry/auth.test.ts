import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { MarmitaError } from "../../../lib/errors.ts";
import { type Asked, Authorizer, type AuthorizerOptions } from "../../../lib/registry/auth.ts";
import type { Credentials } from "../../../lib/registry/credentials.ts";
import { Tokens } from "../../../lib/registry/tokens.ts";
import type { WireRequest } from "../../../lib/registry/transport.ts";
import { type FakeAnswer, FakeTransport, endpoint, gate } from "./fake-registry.ts";

const HOST = "registry.example.com";
const REGISTRY = endpoint(`https://${HOST}/`);
const PULL = ["repository:ann/box:pull"];
const ANN: Credentials = { username: "ann", password: "s3cret" };
const BASIC = `Basic ${Buffer.from("ann:s3cret").toString("base64")}`;
const REALM = "https://auth.example.com/token";
const BEARER = `Bearer realm="${REALM}",service="reg",scope="repository:ann/box:pull"`;

interface Setting {
  readonly challenge?: string;
  /** What is let in. */
  readonly wants?: string;
  readonly realm?: (request: WireRequest) => FakeAnswer | Promise<FakeAnswer>;
  readonly options?: Partial<AuthorizerOptions>;
}

/** A registry that lets one authorization in, a realm, and a repository's authorizer. */
function setting({ challenge = BEARER, wants = "Bearer good", realm, options = {} }: Setting) {
  let nowMs = 0;
  const transport = new FakeTransport((request) => {
    if (request.url.host !== HOST) return realm?.(request) ?? token("good");
    if (request.headers?.["authorization"] === wants) return { status: 200 };
    return { status: 401, headers: { "www-authenticate": challenge } };
  });
  const tokens = new Tokens({ transport, now: () => nowMs });
  const find = async () => undefined;
  const authorizer = new Authorizer({ tokens, domain: HOST, path: "ann/box", find, ...options });
  const ask = (asked: Partial<Asked> = {}, by = authorizer) => {
    const whole = { endpoint: REGISTRY, scopes: PULL, ...asked };
    return by.send(whole, (headers) => {
      const url = new URL("v2/ann/box/manifests/latest", whole.endpoint.base);
      return transport.request({ method: "GET", url, headers, endpoint: whole.endpoint });
    });
  };
  const pass = (milliseconds: number) => {
    nowMs += milliseconds;
  };
  const asked = (host: string) => transport.requests.filter(({ url }) => url.host === host);
  return { tokens, authorizer, transport, ask, pass, asked };
}

function token(text: string, more: Record<string, unknown> = {}): FakeAnswer {
  return { status: 200, body: JSON.stringify({ token: text, ...more }) };
}

describe("Authorizer", () => {
  it("asks without credentials where nobody wants any", async () => {
    const { ask, transport } = setting({ options: { auth: ANN } });
    const open = endpoint("https://auth.example.com/");

    const response = await ask({ endpoint: open });

    expect(response.status).toBe(200);
    expect(transport.requests.map(({ headers }) => headers)).toEqual([{}]);
  });

  it("fetches a token without credentials where there are none", async () => {
    const { ask, asked } = setting({});

    const response = await ask();

    expect(response.status).toBe(200);
    const [request] = asked("auth.example.com");
    expect(request?.headers).toEqual({});
    expect(request?.url.href).toBe(`${REALM}?service=reg&scope=repository%3Aann%2Fbox%3Apull`);
  });

  it("fetches a token with name and password, which the registry itself never sees", async () => {
    const { ask, asked } = setting({ options: { auth: ANN } });

    await ask();

    const [request] = asked("auth.example.com");
    expect(request?.headers).toEqual({ authorization: BASIC });
    expect(request?.url.searchParams.get("account")).toBe("ann");
    expect(inspect(asked(HOST), { depth: 9 })).not.toContain(BASIC);
  });

  it("exchanges an identity token by POST", async () => {
    const { ask, asked } = setting({ options: { auth: { identityToken: "id&en tity" } } });

    const response = await ask();

    expect(response.status).toBe(200);
    const [request] = asked("auth.example.com");
    expect(request?.method).toBe("POST");
    expect(request?.url.href).toBe(REALM);
    const form = new URLSearchParams(Buffer.from(request?.body as Uint8Array).toString());
    expect(Object.fromEntries(form)).toEqual({
      grant_type: "refresh_token",
      service: "reg",
      client_id: "marmita",
      refresh_token: "id&en tity",
      scope: "repository:ann/box:pull",
    });
  });

  it("shows a registry token as it is", async () => {
    const auth = { registryToken: "good" };
    const { ask, asked } = setting({ options: { auth } });

    const response = await ask();

    expect(response.status).toBe(200);
    expect(asked("auth.example.com")).toEqual([]);
  });

  it("answers a demand for name and password", async () => {
    const { ask, transport } = setting({
      challenge: 'Basic realm="x"',
      wants: BASIC,
      options: { auth: ANN },
    });

    expect((await ask()).status).toBe(200);
    expect((await ask()).status).toBe(200);

    // The second time without being asked.
    expect(transport.requests.length).toBe(3);
  });

  it("prefers a token to the password", async () => {
    const { ask, asked } = setting({
      challenge: `Basic realm="x", ${BEARER}`,
      options: { auth: ANN },
    });

    expect((await ask()).status).toBe(200);
    expect(inspect(asked(HOST), { depth: 9 })).not.toContain(BASIC);
  });

  it.each([
    { name: "a scheme it does not know", challenge: "Negotiate" },
    { name: "no challenge", challenge: "" },
    { name: "a demand for a password, without one", challenge: 'Basic realm="x"' },
  ])("leaves a refusal to the caller: $name", async ({ challenge }) => {
    const { ask, transport } = setting({ challenge });

    const response = await ask();

    expect(response.status).toBe(401);
    expect(transport.requests.length).toBe(1);
  });

  it.each([
    { name: "a wrong password", challenge: 'Basic realm="x"', count: 2 },
    { name: "a token that is not let in", challenge: BEARER, count: 2 },
  ])("does not send the same again: $name", async ({ challenge, count }) => {
    const { ask, asked } = setting({ challenge, wants: "no", options: { auth: ANN } });

    const response = await ask();

    expect(response.status).toBe(401);
    expect(asked(HOST).length).toBe(count);
    expect(asked("auth.example.com").length).toBeLessThanOrEqual(1);
  });

  it.each([
    { name: "a wrong password", challenge: 'Basic realm="x"', auth: ANN, areRight: false },
    { name: "a registry token", challenge: BEARER, auth: { registryToken: "t" }, areRight: false },
    { name: "who is known, and may not", challenge: BEARER, auth: ANN, areRight: true },
  ])("knows whose refusal it was: $name", async ({ challenge, auth, areRight }) => {
    const { ask, authorizer } = setting({ challenge, wants: "no", options: { auth } });

    expect(authorizer.refusedOf(await ask())).toEqual({ source: "auth", areRight });
  });

  it("knows of no refusal of credentials that were not shown", async () => {
    const { ask, authorizer } = setting({ challenge: "Negotiate", options: { auth: ANN } });
    const nobody = setting({ wants: "no" });

    expect(authorizer.refusedOf(await ask())).toBeUndefined();
    expect(nobody.authorizer.refusedOf(await nobody.ask())).toBeUndefined();
  });

  it("uses a token for others who want the same, until it expires", async () => {
    let count = 0;
    const { ask, tokens, asked, pass } = setting({
      realm: () => {
        count++;
        return token("good", { expires_in: 100 });
      },
    });
    const other = new Authorizer({ tokens, domain: HOST, path: "ann/box" });

    await ask();
    await ask({}, other);
    expect(count).toBe(1);
    expect(asked(HOST).length).toBe(3); // one challenge for all of them

    pass(89_000);
    await ask();
    expect(count).toBe(1);
    pass(2_000);
    await ask();
    expect(count).toBe(2);
  });

  it.each([
    { said: undefined, seconds: 60 },
    { said: 0, seconds: 60 },
    { said: -5, seconds: 60 },
    { said: "300", seconds: 60 },
    { said: 1e300, seconds: 3_600 },
  ])("keeps a token of $said seconds for $seconds", async ({ said, seconds }) => {
    const { ask, asked, pass } = setting({ realm: () => token("good", { expires_in: said }) });
    await ask();

    pass(seconds * 900 - 1);
    await ask();
    const before = asked("auth.example.com").length;
    pass(2);
    await ask();

    expect(before).toBe(1);
    expect(asked("auth.example.com").length).toBe(2);
  });

  it("fetches another token when one is refused before its time", async () => {
    let wanted = "one";
    const { ask, pass, transport } = setting({
      wants: "Bearer two",
      realm: () => token(wanted, { expires_in: 3_000 }),
    });
    expect((await ask()).status).toBe(401);
    wanted = "two";
    pass(60_000);

    expect((await ask()).status).toBe(200);
    expect(transport.requests.length).toBe(3 + 3);
  });

  it("fetches one token for many who wait", async () => {
    const door = gate();
    const { ask, asked } = setting({
      realm: async () => {
        await door.opened;
        return token("good");
      },
    });

    const all = Promise.all(Array.from({ length: 20 }, () => ask()));
    door.open();

    expect((await all).map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(asked("auth.example.com").length).toBe(1);
  });

  it("leaves those who wait their token when one of them is aborted", async () => {
    const door = gate();
    const arrived = gate();
    const { ask } = setting({
      realm: async () => {
        arrived.open();
        await door.opened;
        return token("good");
      },
    });
    const abort = new AbortController();

    const aborted = ask({ signal: abort.signal });
    const other = ask();
    await arrived.opened;
    abort.abort();
    await expect(aborted).rejects.toMatchObject({ name: "AbortError" });
    door.open();

    expect((await other).status).toBe(200);
  });

  it("asks for what the challenge names beside what is wanted", async () => {
    const { ask, asked } = setting({
      challenge: `Bearer realm="${REALM}",scope="repository:proxy/ann/box:pull"`,
    });

    expect((await ask()).status).toBe(200);

    expect(asked("auth.example.com")[0]?.url.searchParams.getAll("scope")).toEqual([
      "repository:ann/box:pull",
      "repository:proxy/ann/box:pull",
    ]);
  });

  it("asks for nothing where nothing is wanted", async () => {
    const { ask, asked } = setting({ options: { auth: ANN, offline: true } });

    await ask({ scopes: [] });

    const query = asked("auth.example.com")[0]?.url.searchParams ?? new URLSearchParams();
    expect(Object.fromEntries(query)).toEqual({
      service: "reg",
      offline_token: "true",
      client_id: "marmita",
      account: "ann",
    });
  });

  it("has the token that a login keeps", async () => {
    const { ask, authorizer } = setting({
      realm: () => token("good", { refresh_token: "keep" }),
      options: { auth: ANN, offline: true },
    });

    await ask({ scopes: [] });

    expect(authorizer.identityToken).toBe("keep");
  });

  it("forgets credentials and tokens", async () => {
    const found: { auth?: Credentials } = {};
    const { ask, authorizer, asked } = setting({
      options: { find: async () => found.auth && { credentials: found.auth, source: "file" } },
    });
    await ask();
    found.auth = ANN;

    authorizer.forget();
    await ask();

    expect(asked("auth.example.com").map(({ headers }) => headers?.["authorization"])).toEqual([
      undefined,
      BASIC,
    ]);
  });
});

describe("credentials", () => {
  const MIRROR = endpoint("https://mirror.example.com/", { isMirror: true });

  it("do not go to a mirror", async () => {
    const sent: string[] = [];
    const transport = new FakeTransport((request) => {
      sent.push(JSON.stringify(request.headers));
      return { status: 401, headers: { "www-authenticate": 'Basic realm="x"' } };
    });
    const wanted: string[] = [];
    const authorizer = new Authorizer({
      tokens: new Tokens({ transport }),
      domain: HOST,
      auth: ANN,
      find: async ({ domain }) => {
        wanted.push(domain);
        return undefined;
      },
    });

    const response = await authorizer.send({ endpoint: MIRROR, scopes: PULL }, (headers) =>
      transport.request({ method: "GET", url: MIRROR.base, headers, endpoint: MIRROR }),
    );

    expect(response.status).toBe(401);
    expect(sent).toEqual(["{}"]);
    expect(wanted).toEqual(["mirror.example.com"]);
  });

  it("do not go where a redirect has led to, whatever is demanded there", async () => {
    const { authorizer, transport } = setting({ options: { auth: ANN } });
    const headers = { "www-authenticate": 'Bearer realm="https://evil.example.com/token"' };

    const isWorthwhile = await authorizer.challenged(
      { endpoint: REGISTRY, scopes: PULL },
      { headers, url: new URL("https://storage.example.com/blob") },
      {},
    );

    expect(isWorthwhile).toBe(false);
    expect(transport.requests).toEqual([]);
  });

  it.each([
    { name: "without TLS", realm: "http://auth.example.com/token" },
    { name: "in a file", realm: "file:///etc/passwd" },
    { name: "of another protocol", realm: "gopher://auth.example.com/" },
    { name: "with a user", realm: "https://a:b@auth.example.com/" },
    { name: "that is no URL", realm: "/token" },
    { name: "of a cloud's own", realm: "https://169.254.169.254/latest/meta-data" },
    { name: "of a cloud's own, in other digits", realm: "https://0xa9fea9fe/" },
    { name: "of a cloud's own, mapped", realm: "https://[::ffff:169.254.169.254]/" },
    { name: "of the link", realm: "https://[fe80::1]/" },
  ])("do not go to a realm $name", async ({ realm }) => {
    const { ask, transport } = setting({
      challenge: `Bearer realm="${realm}"`,
      options: { auth: ANN },
    });

    await expect(ask()).rejects.toMatchObject({ code: "CORRUPT", details: { registry: HOST } });
    expect(transport.requests.length).toBe(1);
  });

  it("go to a realm without TLS of an insecure registry", async () => {
    const { ask } = setting({
      challenge: 'Bearer realm="http://auth.example.com/token"',
      options: { auth: ANN },
    });

    const response = await ask({ endpoint: endpoint(`https://${HOST}/`, { isInsecure: true }) });

    expect(response.status).toBe(200);
  });

  it("do not take the client's certificate with them to a realm elsewhere", async () => {
    const tls = { ca: "ca.pem", cert: "cert.pem", key: "key.pem", rejectUnauthorized: true };
    const { ask, asked } = setting({ options: { auth: ANN } });

    await ask({ endpoint: endpoint(`https://${HOST}/`, { tls }) });

    const [request] = asked("auth.example.com");
    expect(request?.endpoint).toMatchObject({ host: "auth.example.com" });
    expect(request?.endpoint.tls).toEqual({ ca: "ca.pem", rejectUnauthorized: true });
  });
});

describe("a realm", () => {
  it.each([
    { name: "refuses the password", status: 401, code: "UNAUTHORIZED" },
    { name: "denies", status: 403, code: "DENIED" },
    { name: "has had enough of us", status: 429, code: "RATE_LIMITED" },
    { name: "is out of order", status: 500, code: "UNAVAILABLE" },
    { name: "is not there", status: 404, code: "CORRUPT" },
    { name: "has nothing to say", status: 204, code: "CORRUPT" },
  ])("that $name is told of as such", async ({ status, code }) => {
    const { ask } = setting({ realm: () => ({ status }), options: { auth: ANN } });

    await expect(ask()).rejects.toMatchObject({ code, details: { registry: HOST, status } });
  });

  it("that takes an identity token no longer refuses it", async () => {
    const { ask } = setting({
      realm: () => ({ status: 400, body: '{"error":"invalid_grant"}' }),
      options: { auth: { identityToken: "id" } },
    });

    await expect(ask()).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  });

  it.each([
    { name: "no JSON", body: "<html>s3cret-token</html>" },
    { name: "a text", body: '"s3cret-token"' },
    { name: "no token", body: '{"tocken":"s3cret-token"}' },
    { name: "an empty token", body: '{"token":""}' },
    { name: "a token that is a number", body: '{"token":17}' },
    { name: "a token that would add a header", body: '{"token":"s3cret-token\\r\\nX: y"}' },
    { name: "a token that no header has room for", body: `{"token":"${"s".repeat(70_000)}"}` },
  ])("that answers with $name is told of without it", async ({ body }) => {
    const { ask } = setting({ realm: () => ({ status: 200, body }), options: { auth: ANN } });

    const failure: unknown = await ask().catch((error: unknown) => error);

    expect(failure).toMatchObject({ code: "CORRUPT" });
    expect(inspect(failure, { depth: 9 })).not.toMatch(/s3cret|ssss/);
  });

  it("may call its token an access token", async () => {
    const { ask } = setting({
      realm: () => ({ status: 200, body: '{"access_token":"good","token":""}' }),
    });

    expect((await ask()).status).toBe(200);
  });
});

describe("a helper that fails", () => {
  const broken = new MarmitaError("UNAVAILABLE", "the helper is broken");
  const find = async () => {
    throw broken;
  };

  it("does not matter where nobody needs to be known", async () => {
    const { ask } = setting({ options: { find } });

    expect((await ask()).status).toBe(200);
  });

  it("is told of where the registry refuses what is unknown", async () => {
    const { ask } = setting({ wants: "no", options: { find } });

    await expect(ask()).rejects.toBe(broken);
  });

  it("is told of where the realm does", async () => {
    const { ask } = setting({ realm: () => ({ status: 401 }), options: { find } });

    await expect(ask()).rejects.toBe(broken);
  });
});
