/** The tarballs of `npm run package`, installed in an empty project as npm's users do. */
import { execFile } from "node:child_process";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../helpers/folder.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const ROOT = join(import.meta.dirname, "../..");
const execute = promisify(execFile);

describe.runIf(requireUserNamespaces())("the published packages", () => {
  let project: string;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    const tarballs = await temporaryFolder();
    await pack(tarballs);
    env = { ...process.env, MARMITA_ROOT: await temporaryFolder() };
    project = await install(tarballs);
  }, 120_000);

  it("have no install script and leave nothing to build", async () => {
    const manifest = await readJson(join(project, "node_modules/marmita/package.json"));

    expect(manifest).toMatchObject({ gypfile: false, type: "module" });
    expect(manifest).not.toHaveProperty("scripts");
  });

  it("name no dependency but those of run time and the platforms", async () => {
    const manifest = await readJson(join(project, "node_modules/marmita/package.json"));

    expect(manifest).not.toHaveProperty("devDependencies");
    expect(Object.keys(manifest["optionalDependencies"] as object)).toEqual([
      "marmita-linux-x64-gnu",
      "marmita-linux-arm64-gnu",
      "marmita-linux-x64-musl",
      "marmita-linux-arm64-musl",
    ]);
  });

  async function node(source: string): Promise<string> {
    const args = ["--input-type=module", "-e", source];
    const { stdout } = await execute(process.execPath, args, { cwd: project, env });
    return stdout;
  }

  it("run a container from JavaScript", async () => {
    const output = await node(
      `import { run } from "marmita";
       const { exitCode, stdout } = await run("host", ["echo", "hi"], { remove: true });
       console.log(JSON.stringify({ exitCode, stdout }));`,
    );

    expect(JSON.parse(output)).toEqual({ exitCode: 0, stdout: "hi\n" });
  });

  it("have a runtime for engines", async () => {
    const command = join(project, "node_modules/.bin/marmita-runtime");

    const { stdout } = await execute(command, ["--version"], { env });

    expect(stdout).toContain("marmita-runtime version");
  });

  it("run a container from the shell", async () => {
    const command = join(project, "node_modules/.bin/marmita");

    const { stdout } = await execute(command, ["run", "--rm", "host", "echo", "hi"], {
      cwd: project,
      env,
    });

    expect(stdout).toBe("hi\n");
  });

  it("are imported on other systems, where run() rejects with UNSUPPORTED", async () => {
    const output = await node(
      `Object.defineProperty(process, "platform", { value: "darwin" });
       const { run } = await import("marmita");
       await run("host", ["true"]).catch((error) => console.log(error.code));`,
    );

    expect(output).toBe("UNSUPPORTED\n");
  });

  it("hold an addon of Node-API symbols only, which serves every Node version", async () => {
    const addon = join(
      project,
      `node_modules/marmita-linux-${process.arch}-${libc()}/marmita.node`,
    );

    const { stdout } = await execute("nm", ["--dynamic", "--undefined-only", addon]);

    const symbols = stdout.split("\n").map((line) => line.trim().split(/\s+/)[1] ?? "");
    expect(symbols).toContain("napi_create_function");
    expect(
      symbols.filter((name) => /^uv_|^_ZN?K?2v8|^_ZN4node|inflate|ZSTD|SHA/.test(name)),
    ).toEqual([]);
  });

  it("bring types that a strict project compiles against", async () => {
    await writeFile(
      join(project, "check.ts"),
      `import { run } from "marmita";
       const { exitCode, stdout } = await run("busybox", ["true"]);
       export const both: [number, string] = [exitCode, stdout];\n`,
    );

    const tsc = join(ROOT, "node_modules/.bin/tsc");
    const flags = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022"];
    // The types of Node are the one thing a user of our types brings along.
    const types = ["--typeRoots", join(ROOT, "node_modules/@types"), "--types", "node"];
    const checked = execute(tsc, [...flags, ...types, "check.ts"], { cwd: project });

    await expect(checked).resolves.toMatchObject({ stdout: "" });
  });
});

function libc(): string {
  const report = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return report.header.glibcVersionRuntime === undefined ? "musl" : "gnu";
}

/** Our own tarballs, and those of what they depend on: npm needs no registry then. */
async function pack(folder: string): Promise<void> {
  await execute(process.execPath, ["tools/package.mjs", "--out", folder], { cwd: ROOT });
  for (const source of await dependenciesOf(ROOT)) {
    await npm(folder, ["pack", source, "--ignore-scripts", `--pack-destination=${folder}`]);
  }
}

/** Their folders, and those of all that they depend on in turn. */
async function dependenciesOf(folder: string, found = new Set<string>()): Promise<Set<string>> {
  const { dependencies = {} } = await readJson(join(folder, "package.json"));
  for (const name of Object.keys(dependencies as object)) {
    const source = join(ROOT, "node_modules", name);
    if (found.has(source)) continue;
    await dependenciesOf(source, found.add(source));
  }
  return found;
}

async function install(tarballs: string): Promise<string> {
  const project = await temporaryFolder();
  await writeFile(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const files = (await readdir(tarballs)).map((name) => join(tarballs, name));
  const cache = await temporaryFolder();
  await npm(project, ["install", "--ignore-scripts", "--offline", "--cache", cache, ...files]);
  return project;
}

async function npm(cwd: string, args: readonly string[]): Promise<void> {
  // What an outer npm told this process about its own project is not for the inner one.
  const own = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name));
  await execute("npm", [...args], { cwd, env: Object.fromEntries(own) });
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
}
