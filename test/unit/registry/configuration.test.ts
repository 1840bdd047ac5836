import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type RegistriesOptions,
  checkRegistriesOptions,
  loadConfiguration,
} from "../../../lib/registry/configuration.ts";
import { temporaryFolder } from "../../helpers/folder.ts";

async function written(content: unknown): Promise<{ folder: string; path: string }> {
  const folder = await temporaryFolder();
  const path = join(folder, "registries.json");
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return { folder, path };
}

describe("loadConfiguration", () => {
  it("asks Docker Hub for short names when nothing is said", async () => {
    const folder = await temporaryFolder();

    const configuration = await loadConfiguration(undefined, { XDG_CONFIG_HOME: folder });

    expect(configuration.shortNames).toEqual(["docker.io"]);
    expect(configuration.registries.size).toBe(0);
  });

  it("reads the file of the user", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "marmita"));
    await writeFile(join(folder, "marmita/registries.json"), '{ "shortNames": "quay.io" }');

    const { shortNames, source } = await loadConfiguration(undefined, { XDG_CONFIG_HOME: folder });

    expect(shortNames).toEqual(["quay.io"]);
    expect(source).toBe(join(folder, "marmita/registries.json"));
  });

  it("reads the file of the user's home", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, ".config/marmita"), { recursive: true });
    await writeFile(join(folder, ".config/marmita/registries.json"), '{ "shortNames": "quay.io" }');

    const { shortNames } = await loadConfiguration(undefined, { HOME: folder });

    expect(shortNames).toEqual(["quay.io"]);
  });

  it("reads MARMITA_REGISTRIES before that", async () => {
    const { folder, path } = await written({ shortNames: ["quay.io", "docker.io"] });

    const { shortNames } = await loadConfiguration(undefined, {
      XDG_CONFIG_HOME: folder,
      MARMITA_REGISTRIES: path,
    });

    expect(shortNames).toEqual(["quay.io", "docker.io"]);
  });

  it("reads no file when options are given", async () => {
    const { path } = await written("nonsense");

    const { shortNames } = await loadConfiguration({}, { MARMITA_REGISTRIES: path });

    expect(shortNames).toEqual(["docker.io"]);
  });

  it("takes paths of a file from where the file is", async () => {
    const settings = { ca: "ca.pem", cert: "/etc/mine.cert", key: "keys/mine.key" };
    const { folder, path } = await written({ registries: { "a.example:5000": settings } });

    const { registries } = await loadConfiguration(undefined, { MARMITA_REGISTRIES: path });

    expect(registries.get("a.example:5000")).toEqual({
      ca: join(folder, "ca.pem"),
      cert: "/etc/mine.cert",
      key: join(folder, "keys/mine.key"),
    });
  });

  it.each(["docker.io", "index.docker.io", "registry-1.docker.io", "DOCKER.IO"])(
    "knows Docker Hub as %s",
    async (name) => {
      const { registries } = await loadConfiguration({ registries: { [name]: { blocked: true } } });

      expect(registries.get("docker.io")).toEqual({ blocked: true });
    },
  );

  it("says which file is missing that was asked for", async () => {
    const path = join(await temporaryFolder(), "absent.json");

    await expect(loadConfiguration(undefined, { MARMITA_REGISTRIES: path })).rejects.toMatchObject({
      code: "UNAVAILABLE",
      errno: "ENOENT",
      message: `read ${path}: no such file or directory`,
    });
  });

  it.each([
    ["{", "it is not JSON"],
    ["[]", 'expected "file" to be an object of strings, got []'],
    [{ registry: {} }, 'unknown key "registry" in file'],
    [
      { registries: { "a.example": { mirror: [] } } },
      'unknown key "mirror" in settings of a.example',
    ],
  ])("names the file that says %j", async (content, why) => {
    const { path } = await written(content);

    await expect(loadConfiguration(undefined, { MARMITA_REGISTRIES: path })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: `${path}: ${why}`,
    });
  });
});

describe("checkRegistriesOptions", () => {
  const of = (settings: unknown) => ({ registries: { "a.example": settings } });

  it.each([
    ["an unknown key", { nope: 1 }, /unknown key "nope" in registries/],
    [
      "an unknown setting",
      of({ insecur: true }),
      /unknown key "insecur" in settings of a\.example/,
    ],
    ["an unknown time-out", of({ timeouts: { readMs: 1 } }), /unknown key "readMs" in timeouts/],
    ["short names that are no hosts", { shortNames: ["a b"] }, /"shortNames"/],
    ["no short names at all", { shortNames: [] }, /"shortNames"/],
    ["a URL for a host", { registries: { "https://a.example": {} } }, /keys like/],
    ["a path after a host", { registries: { "a.example/b": {} } }, /keys like/],
    ["a mirror without a scheme", of({ mirrors: ["b.example"] }), /"mirrors"/],
    ["a mirror of another scheme", of({ mirrors: ["file:///etc"] }), /"mirrors"/],
    ["one mirror alone", of({ mirrors: "https://b.example" }), /"mirrors"/],
    ["a mirror with a password", of({ mirrors: ["https://a:b@b.example"] }), /"mirrors"/],
    ["a text for true", of({ insecure: "yes" }), /"insecure"/],
    ["a certificate without a key", of({ cert: "/a" }), /"cert" and "key" go together/],
    ["a key without a certificate", of({ key: "/a" }), /"cert" and "key" go together/],
    ["no time at all", of({ timeouts: { idleMs: 0 } }), /"idleMs"/],
    ["settings that are none", of(5), /"settings of a\.example"/],
  ])("refuses %s", (_, options, why) => {
    expect(() => checkRegistriesOptions(options)).toThrow(why);
    expect(() => checkRegistriesOptions(options)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });

  it("takes all there is", () => {
    const options: RegistriesOptions = {
      shortNames: ["docker.io", "quay.io"],
      registries: {
        "a.example:5000": {
          mirrors: ["https://b.example/hub", "http://127.0.0.1:5000"],
          insecure: true,
          blocked: false,
          ca: "/ca",
          cert: "/cert",
          key: "/key",
          timeouts: { connectMs: 1, headersMs: 2, idleMs: 3, documentMs: 4 },
        },
        "[::1]:5000": {},
      },
    };

    expect(() => checkRegistriesOptions(options)).not.toThrow();
  });
});
