import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import type { RegistriesOptions } from "../../lib/registry/configuration.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { type TestServer, startServer } from "../helpers/wire-servers.ts";

describe("the option registries of an engine", () => {
  let engine: Engine | undefined;
  let server: TestServer;

  beforeEach(async () => {
    server = await startServer((_, response) => void response.writeHead(404).end());
  });

  afterEach(async () => {
    vi.unstubAllEnvs();
    await engine?.close();
    engine = undefined;
  });

  async function open(registries?: RegistriesOptions): Promise<Engine> {
    const root = join(await temporaryFolder(), "data");
    engine = await openEngine({ root, ...(registries && { registries }) });
    return engine;
  }

  const settingsOf = (host: string) => ({ registries: { [host]: { blocked: true } } });

  it("is checked when the engine is opened", async () => {
    const wrong = { registries: { "a.example": { insecur: true } } } as RegistriesOptions;

    await expect(open(wrong)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: 'unknown key "insecur" in settings of a.example',
    });
  });

  it("counts, and not the file", async () => {
    const file = join(await temporaryFolder(), "registries.json");
    await writeFile(file, JSON.stringify(settingsOf(server.host)));
    vi.stubEnv("MARMITA_REGISTRIES", file);

    const { images } = await open({});
    await expect(images.pull(`${server.host}/a`)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(server.seen.length).toBeGreaterThan(0);
  });

  it("is the file where it is not given, read when it is needed", async () => {
    const home = await temporaryFolder();
    vi.stubEnv("MARMITA_REGISTRIES", "");
    vi.stubEnv("XDG_CONFIG_HOME", home);
    const { images } = await open();
    await mkdir(join(home, "marmita"));
    await writeFile(join(home, "marmita/registries.json"), JSON.stringify(settingsOf(server.host)));

    await expect(images.pull(`${server.host}/a`)).rejects.toMatchObject({
      code: "NOT_FOUND",
      hint: `It is "blocked" in ${home}/marmita/registries.json.`,
    });

    expect(server.seen).toEqual([]);
  });

  it("says what is wrong with the file, to whoever needs it alone", async () => {
    const file = join(await temporaryFolder(), "registries.json");
    await writeFile(file, "{");
    vi.stubEnv("MARMITA_REGISTRIES", file);
    const { images } = await open();

    expect(await images.list()).toEqual([]);
    await expect(images.pull("busybox")).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: `${file}: it is not JSON`,
    });

    await writeFile(file, JSON.stringify(settingsOf("docker.io")));
    await expect(images.pull("busybox")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("has time-outs that count", async () => {
    const silent = await startServer(() => {});
    const timeouts = { connectMs: 1_000, headersMs: 30, idleMs: 30 };
    const { images } = await open({ registries: { [silent.host]: { timeouts } } });

    await expect(images.pull(`${silent.host}/a`)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      errno: "ETIMEDOUT",
    });
  });
});
