import { describe, expect, it } from "vitest";
import { MarmitaError } from "../../../lib/errors.ts";
import { RegistryClient } from "../../../lib/registry/client.ts";
import { EndpointAsker } from "../../../lib/registry/endpoint-asker.ts";
import type { Endpoint } from "../../../lib/registry/endpoints.ts";
import { MANIFEST } from "../../../lib/oci/media-types.ts";
import type { WireRequest } from "../../../lib/registry/transport.ts";
import { type FakeAnswer, FakeTransport, endpoint } from "./fake-registry.ts";

const MIRROR = endpoint("https://mirror.example/hub/", { isMirror: true });
const SECURE = endpoint("https://registry.example/");
const PLAIN = endpoint("http://registry.example/");
const DOCUMENT = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST });
const FOUND: FakeAnswer = {
  status: 200,
  headers: { "content-type": MANIFEST },
  body: DOCUMENT,
};

interface Setting {
  readonly asker: EndpointAsker;
  readonly client: RegistryClient;
  /** `GET https://…`, one for each. */
  readonly lines: () => readonly string[];
  readonly transport: FakeTransport;
}

type Answering = (request: WireRequest) => FakeAnswer | Error;

function setting(endpoints: readonly Endpoint[], answering: Answering): Setting {
  const transport = new FakeTransport((request) => {
    const answer = answering(request);
    if (answer instanceof Error) throw answer;
    return answer;
  });
  const asker = new EndpointAsker({
    registry: "registry.example",
    repository: "team/box",
    endpoints,
    scopes: ["repository:team/box:pull"],
    transport,
    authorizer: {
      send: async (_, request) => request({ authorization: "Bearer secret" }),
      refusedOf: () => undefined,
    },
    answering: new Map(),
    sleep: async () => undefined,
  });
  const lines = () => transport.requests.map(({ method, url }) => `${method} ${url.href}`);
  return { asker, client: new RegistryClient(asker), lines, transport };
}

function unavailable(errno: string, step = "connect"): MarmitaError {
  return new MarmitaError("UNAVAILABLE", `no connection: ${errno}`, { errno, step });
}

const isAt = ({ url }: WireRequest, { base }: Endpoint) => url.origin === base.origin;

describe("a registry with a mirror", () => {
  it("is not asked for what the mirror has", async () => {
    const { client, lines } = setting([MIRROR, SECURE], () => FOUND);

    await client.getManifest("v1");

    expect(lines()).toEqual(["GET https://mirror.example/hub/v2/team/box/manifests/v1"]);
  });

  it.each([
    ["has nothing", { status: 404 }],
    ["does not let us in", { status: 403 }],
    ["is in trouble", { status: 500 }],
    ["sends a web page", { status: 200, headers: { "content-type": "text/html" }, body: "<p>" }],
    [
      "sends something else",
      { ...FOUND, headers: { "docker-content-digest": `sha256:${"0".repeat(64)}` } },
    ],
    ["does not answer", unavailable("ECONNREFUSED")],
  ])("is asked where the mirror %s", async (_, answer) => {
    const { client, lines } = setting([MIRROR, SECURE], (request) => {
      return isAt(request, MIRROR) ? answer : FOUND;
    });

    expect((await client.getManifest("v1")).bytes).toEqual(Buffer.from(DOCUMENT));
    expect(lines()).toHaveLength(2);
  });

  it("is asked alone once the mirror gave no answer", async () => {
    const { client, lines } = setting([MIRROR, SECURE], (request) => {
      return isAt(request, MIRROR) ? unavailable("ETIMEDOUT") : FOUND;
    });

    await client.getManifest("v1");
    await client.getManifest("v2");

    expect(lines().filter((line) => line.includes("mirror"))).toHaveLength(1);
  });

  it("is asked for a blob that somebody comes back for", async () => {
    const { client, lines } = setting([MIRROR, SECURE], () => ({ status: 200 }));
    const blob = { mediaType: "a/b", digest: `sha256:${"0".repeat(64)}` as const, size: 9 };

    await client.openBlob(blob);
    await client.openBlob(blob, { offset: 3 });

    expect(lines()).toEqual([
      `GET https://mirror.example/hub/v2/team/box/blobs/${blob.digest}`,
      `GET https://registry.example/v2/team/box/blobs/${blob.digest}`,
    ]);
  });

  it("tells its own error, and the mirror's in the details", async () => {
    const { client } = setting([MIRROR, SECURE], (request) => {
      return { status: isAt(request, MIRROR) ? 500 : 404 };
    });

    await expect(client.getManifest("v1")).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining("registry.example/team/box:v1"),
      details: {
        registry: "registry.example",
        repository: "team/box",
        reference: "v1",
        status: 404,
        mirrors: [expect.stringContaining("https://mirror.example/hub/")],
      },
    });
  });
});

describe("an insecure registry", () => {
  it("is asked with TLS, and not without when it answers", async () => {
    const { client, lines } = setting([SECURE, PLAIN], () => FOUND);

    await client.getManifest("v1");

    expect(lines()).toEqual(["GET https://registry.example/v2/team/box/manifests/v1"]);
  });

  it("is asked without TLS where it does not speak it, and from then on", async () => {
    const { client, lines, transport } = setting([SECURE, PLAIN], (request) => {
      return isAt(request, SECURE) ? unavailable("EPROTO") : FOUND;
    });

    await client.getManifest("v1");
    await client.getManifest("v2");

    expect(lines()).toEqual([
      "GET https://registry.example/v2/team/box/manifests/v1",
      "GET http://registry.example/v2/team/box/manifests/v1",
      "GET http://registry.example/v2/team/box/manifests/v2",
    ]);
    expect(transport.requests[0]?.attempts).toBe(1);
  });

  it("is asked with TLS again where a server of TLS does not like to be asked without", async () => {
    let asked = 0;
    const { client } = setting([SECURE, PLAIN], (request) => {
      if (!isAt(request, SECURE)) return { status: 400 };
      return ++asked === 1 ? unavailable("ECONNRESET") : FOUND;
    });

    expect((await client.getManifest("v1")).bytes).toEqual(Buffer.from(DOCUMENT));
  });

  it("tells what a server without TLS does not like about a request", async () => {
    const { client, lines } = setting([SECURE, PLAIN], (request) => {
      return isAt(request, SECURE) ? unavailable("EPROTO") : { status: 400 };
    });

    await expect(client.getManifest("v1")).rejects.toMatchObject({ details: { status: 400 } });
    expect(lines()).toHaveLength(2);
  });

  it("tells of a server without TLS that does not answer, not that it has no TLS", async () => {
    const { client } = setting([SECURE, PLAIN], (request) => {
      return isAt(request, SECURE) ? unavailable("EPROTO") : unavailable("ETIMEDOUT", "headers");
    });

    await expect(client.headManifest("v1")).rejects.toMatchObject({ errno: "ETIMEDOUT" });
  });

  it("is not asked without TLS where there is no such host", async () => {
    const { client, lines } = setting([SECURE, PLAIN], () => unavailable("ENOTFOUND"));

    await expect(client.headManifest("v1")).rejects.toMatchObject({ errno: "ENOTFOUND" });
    expect(lines().every((line) => line.includes("https://"))).toBe(true);
  });
});

describe("an upload that is sent elsewhere", () => {
  const upload = (location: string, endpoints = [SECURE]) => {
    const made = setting(endpoints, ({ method }) => {
      return method === "POST" ? { status: 202, headers: { location } } : { status: 201 };
    });
    const digest = `sha256:${"0".repeat(64)}` as const;
    const blob = { mediaType: "a/b", digest, size: 0 };
    const uploading = made.client.uploadBlob(blob, () => {
      throw new Error("nothing to read");
    });
    return { ...made, uploading };
  };

  it("goes there without what is for the registry alone", async () => {
    const { uploading, transport } = upload("https://storage.example/x?signature=y");

    await uploading;

    const [, put] = transport.requests;
    expect(put?.url.host).toBe("storage.example");
    expect(put?.headers).not.toHaveProperty("authorization");
  });

  it("stays signed as it was", async () => {
    const { uploading, transport } = upload("/v2/x/1?_state=a%20b%2Fc&d=~");

    await uploading;

    expect(transport.requests[1]?.url.search).toMatch(
      /^\?_state=a%20b%2Fc&d=~&digest=sha256%3A0+$/,
    );
  });

  it.each([
    ["a place without TLS", "http://storage.example/x"],
    ["the cloud's metadata", "https://169.254.169.254/latest"],
    ["this machine", "https://127.0.0.1/x"],
    ["this machine by name", "https://localhost/x"],
  ])("does not go to %s", async (_, location) => {
    const { uploading, transport } = upload(location);

    await expect(uploading).rejects.toMatchObject({ code: "CORRUPT" });
    expect(transport.requests).toHaveLength(1);
  });
});
