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
  let tarballs: string;

  beforeAll(async () => {
    tarballs = await temporaryFolder();
    await pack(tarballs);
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

  it("run a container from JavaScript", async () => {
    const root = await temporaryFolder();

    const output = await node(
      project,
      `import { run } from "marmita";
       const { exitCode, stdout } = await run("host", ["echo", "hi"], {
         root: ${JSON.stringify(root)}, remove: true,
       });
       console.log(JSON.stringify({ exitCode, stdout }));`,
    );

    expect(JSON.parse(output)).toEqual({ exitCode: 0, stdout: "hi\n" });
  });

  it("run a container from the shell", async () => {
    const root = await temporaryFolder();
    const command = join(project, "node_modules/.bin/marmita");

    const { stdout } = await execute(command, ["run", "--rm", "host", "echo", "hi"], {
      cwd: project,
      env: { ...process.env, MARMITA_ROOT: root },
    });

    expect(stdout).toBe("hi\n");
  });

  it("are imported on other systems, where run() rejects with UNSUPPORTED", async () => {
    const output = await node(
      project,
      `Object.defineProperty(process, "platform", { value: "darwin" });
       const { run } = await import("marmita");
       await run("host", ["true"]).catch((error) => console.log(error.code));`,
    );

    expect(output).toBe("UNSUPPORTED\n");
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

/** Our own tarballs, and those of what they depend on: npm needs no registry then. */
async function pack(folder: string): Promise<void> {
  await execute(process.execPath, ["tools/package.mjs", "--out", folder], { cwd: ROOT });
  const { dependencies = {} } = await readJson(join(ROOT, "package.json"));
  for (const name of Object.keys(dependencies as object)) {
    const source = join(ROOT, "node_modules", name);
    await npm(folder, ["pack", source, "--ignore-scripts", `--pack-destination=${folder}`]);
  }
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

async function node(cwd: string, source: string): Promise<string> {
  const { stdout } = await execute(process.execPath, ["--input-type=module", "-e", source], {
    cwd,
  });
  return stdout;
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
}
