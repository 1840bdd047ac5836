import { beforeAll, describe, expect, it } from "vitest";
import { search } from "../../lib/api/images.ts";
import { Registries } from "../../lib/registry/registries.ts";
import { testEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { putBusybox } from "../helpers/pulling.ts";
import { type TestRegistry, requireRegistry, startRegistry } from "../helpers/registry.ts";
import { ScriptedRegistry } from "../helpers/scripted-registry.ts";
import { type Cli, emptyCli } from "./cli-command.ts";

const able = requireRegistry();

describe("marmita search", () => {
  expectNothingLeft();

  let cli: Cli;
  let registry: TestRegistry;

  beforeAll(async () => {
    if (!able) return;
    cli = await emptyCli();
    registry = await startRegistry();
    for (const repository of ["team/box", "boxes", "other"]) {
      await putBusybox(registry, { repository });
    }
  });

  it("lists the repositories of a registry that have the word in their names", async () => {
    const { exitCode, stdout } = await cli.call([
      "search",
      "--format={{.Name}}",
      `${registry.host}/box`,
    ]);

    expect(exitCode).toBe(0);
    expect(stdout).toBe(`${registry.host}/boxes\n${registry.host}/team/box\n`);
  });

  it("lists all of them, up to the limit", async () => {
    const all = await cli.call(["search", "--format={{.Name}}", `${registry.host}/`]);
    const one = await cli.call(["search", "--format={{.Name}}", "--limit=1", `${registry.host}/`]);

    expect(all.stdout.split("\n")).toHaveLength(4);
    expect(one.stdout).toBe(`${registry.host}/boxes\n`);
  });

  it("asks an index where the registry has one", async () => {
    const scripted = await ScriptedRegistry.start();
    const results = [
      { name: "team/box", description: "A\u001b[31m box", star_count: 7, is_official: true },
      { name: "team/other", star_count: 2 },
    ];
    scripted.answering = ({ url }, answer) => {
      if (url.pathname !== "/v1/search") return false;
      expect(Object.fromEntries(url.searchParams)).toEqual({ q: "box", n: "30" });
      answer.writeHead(200, { "content-type": "application/json" });
      answer.end(JSON.stringify({ results }));
      return true;
    };
    const words = ["search", "--filter=stars=3", "--limit=30", `${scripted.host}/box`];
    const { exitCode, stdout } = await cli.call(words);

    expect(exitCode).toBe(0);
    const [heading, line, ...others] = stdout.split("\n");
    expect(heading).toMatch(/^NAME +DESCRIPTION +STARS +OFFICIAL$/);
    expect(line).toMatch(/team\/box +A.*box +7 +\[OK\]$/);
    expect(stdout).not.toContain("\u001b");
    expect(others).toEqual([""]);
  });

  it("says that a registry tells nothing about its images", async () => {
    const { host } = await ScriptedRegistry.start();

    const { exitCode, stderr } = await cli.call(["search", `${host}/box`]);

    expect(exitCode).toBe(1);
    expect(stderr).toContain(`list the repositories of ${host}: not found`);
  });

  it.each([
    [["--limit=101", "box"], "limit 101 is outside the range of [1, 100]"],
    [["--filter=stars=many", "box"], "invalid filter 'stars=many'"],
    [["--filter=is-automated=true", "box"], "invalid filter 'is-automated'"],
    [["--list-tags", "box"], "--list-tags is not supported yet"],
    [[""], "a word to look for is missing"],
  ])("refuses %j", async (words, message) => {
    const { exitCode, stderr } = await cli.call(["search", ...words]);

    expect(exitCode).not.toBe(0);
    expect(stderr).toContain(message);
  });
});

describe("search()", () => {
  it("finds images of a registry", async () => {
    if (!able) return;
    const registry = await startRegistry();
    await putBusybox(registry);
    const engine = await testEngine();

    expect(await search(`${registry.host}/b`, { engine })).toEqual([
      { name: `${registry.host}/box`, description: "", starCount: 0, isOfficial: false },
    ]);
    await expect(search("box", { engine, limit: 0 })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });

  it("asks nobody where Docker Hub is blocked", async () => {
    const blocked = { registries: { "docker.io": { blocked: true } } };
    const registries = await Registries.open({ registries: blocked });

    await expect(registries.search("busybox")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
