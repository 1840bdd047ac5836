/** The tutorial's chapter on building by hand: on the command line, with promises, over a registry. */
import { beforeAll, describe, expect, it } from "vitest";
import { debianArchive } from "../../fixtures/debian.mjs";
import { commit } from "../../lib/api/commit.ts";
import { diff } from "../../lib/api/containers.ts";
import { load, tag } from "../../lib/api/images.ts";
import { run } from "../../lib/api/run.ts";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import { testEngine } from "../helpers/engine.ts";
import { subordinateIdsFault } from "../helpers/ids.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireRegistry, startRegistry } from "../helpers/registry.ts";
import {
  hostCan,
  hostCannot,
  requireProgram,
  requireUserNamespaces,
} from "../helpers/user-namespaces.ts";
import { Cli, emptyCli } from "../integration/cli-command.ts";

const MAKING_MS = 300_000;
const INSTALL = `{ apt-get update -o APT::Update::Error-Mode=any && apt-get install -y figlet; } >/tmp/log 2>&1 ||
  { cat /tmp/log; exit 1; }`;
/** What `figlet -f small hi` prints, without the blanks around it. */
const BANNER = "|_||_|_|";
const PARENTS = ["C /usr", "C /usr/bin"];
const FIGLET = "A /usr/bin/figlet-figlet";

const able =
  requireUserNamespaces() &&
  requireProgram("mmdebstrap") &&
  hostCan("make a Debian", process.getuid?.() === 0 ? undefined : subordinateIdsFault());

const proxies = Object.entries(process.env).filter(([name]) => /^https?_proxy$/i.test(name));

describe.runIf(able)("the figlet story", () => {
  expectNothingLeft();

  let shared: Engine;
  /** A container in which figlet was installed. */
  let box: string;
  /** Why figlet cannot be installed here. */
  let fault: string | undefined;

  beforeAll(async () => {
    shared = await testEngine();
    await load(debianArchive(), { engine: shared });
    const options = { engine: shared, env: Object.fromEntries(proxies) };
    const { id, exitCode, stdout } = await run("debian:bookworm", ["bash", "-c", INSTALL], options);
    box = id;
    if (exitCode !== 0) fault = stdout.trim().split("\n").at(-1) ?? "";
  }, MAKING_MS);

  async function idOf(engine: Engine, image: string): Promise<string> {
    return (await engine.images.get(image)).id;
  }

  it("is told on the command line", async (context) => {
    if (fault !== undefined) context.skip(hostCannot("install figlet", fault));
    const cli = new Cli(shared.root);
    const lines = async (...args: readonly string[]) => {
      const { exitCode, stdout, stderr } = await cli.call(args);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      return stdout.split("\n").slice(0, -1);
    };
    const env = proxies.flatMap(([name, value]) => ["-e", `${name}=${value}`]);
    const [base] = await lines("images", "-q", "--no-trunc", "debian:bookworm");

    await lines("run", "--name", "box", ...env, "debian:bookworm", "bash", "-c", INSTALL);
    const changes = await lines("diff", "box");
    expect(changes).toEqual(expect.arrayContaining([...PARENTS, FIGLET]));
    expect(changes.toSorted()).toEqual(changes.toSorted((a, b) => (a < b ? -1 : 1)));

    const [id] = await lines("commit", "-m", "with figlet", "box", "figlet");
    expect(await lines("images", "-q", "--no-trunc", "figlet")).toEqual([id]);
    await lines("tag", "figlet", "lunch/figlet:1");
    const shown = await lines("run", "--rm", "lunch/figlet:1", "figlet", "-f", "small", "hi");
    expect(shown.join("\n")).toContain(BANNER);

    expect(await lines("images", "-q", "--no-trunc", "debian:bookworm")).toEqual([base]);
    const without = ["run", "--rm", "debian:bookworm", "sh", "-c", "command -v figlet"];
    expect(await cli.call(without)).toMatchObject({ exitCode: 127, stdout: "" });
    await lines("rm", "box");
    const again = await lines("run", "--rm", "figlet", "figlet", "-f", "small", "hi");
    expect(again).toEqual(shown);
  });

  it("is told with promises", async (context) => {
    if (fault !== undefined) context.skip(hostCannot("install figlet", fault));
    await using engine = await openEngine({ root: shared.root });
    const base = await idOf(engine, "debian:bookworm");
    const env = Object.fromEntries(proxies);

    const made = await run("debian:bookworm", ["bash", "-c", INSTALL], { engine, env });
    const changes = (await diff(made.id, { engine })).map(({ kind, path }) => `${kind} ${path}`);
    expect(changes).toEqual(expect.arrayContaining([...PARENTS, FIGLET]));

    const { id } = await commit(made.id, "ban", {
      engine,
      author: "Ana Souza <ana@example.com>",
      message: "with figlet",
      changes: ['ENTRYPOINT ["figlet", "-f", "small"]'],
    });
    await tag(id, "lunch/ban:1", { engine });
    const { stdout } = await run("lunch/ban:1", ["hi"], { engine, remove: true });
    expect(stdout).toContain(BANNER);

    expect(await idOf(engine, "debian:bookworm")).toBe(base);
    const { exitCode } = await run("debian:bookworm", ["bash", "-c", "command -v figlet"], {
      engine,
      remove: true,
    });
    expect(exitCode).toBe(1);
    const image = await engine.images.get("ban");
    expect(image.names).toEqual(["ban:latest", "lunch/ban:1"]);
    expect(image.config.history.at(-1)).toMatchObject({ comment: "with figlet" });
  });

  it.runIf(requireRegistry())("is told over a registry", async (context) => {
    if (fault !== undefined) context.skip(hostCannot("install figlet", fault));
    const registry = await startRegistry();
    const cli = new Cli(shared.root);
    const name = `${registry.host}/lunch/figlet:1`;
    const done = async (from: Cli, ...args: readonly string[]) => {
      const { exitCode, stdout, stderr } = await from.call(args);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      return stdout;
    };

    const id = await done(cli, "commit", "-m", "with figlet", box, name);
    expect(await done(cli, "push", name)).toMatch(/^1: digest: sha256:[0-9a-f]{64} size: \d+$/m);
    await done(cli, "rmi", name);
    expect(await done(cli, "images", "-q", name)).toBe("");
    expect(await done(cli, "pull", "-q", name)).toBe(`${name}\n`);
    expect(await done(cli, "images", "-q", "--no-trunc", name)).toBe(id);
    const shown = await done(cli, "run", "--rm", name, "figlet", "-f", "small", "hi");
    expect(shown).toContain(BANNER);

    // Two processes, where nothing of it was before: each blob is fetched by one of them.
    const before = await registry.blobFetches();
    const elsewhere = await emptyCli();
    const both = await Promise.all([1, 2].map(() => done(elsewhere, "pull", "-q", name)));
    expect(both).toEqual([`${name}\n`, `${name}\n`]);
    const after = await registry.blobFetches();
    const { manifest } = await shared.images.get(name);
    const fetches = [manifest.config, ...manifest.layers].map(({ digest }) => {
      return (after.get(digest) ?? 0) - (before.get(digest) ?? 0);
    });
    expect(fetches).toEqual(fetches.map(() => 1));
    const again = await done(elsewhere, "run", "--rm", name, "figlet", "-f", "small", "hi");
    expect(again).toBe(shown);
  });
});
