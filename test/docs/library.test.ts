/** docs/library.md names every function there is, and its examples print what they say. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import * as library from "../../lib/index.ts";
import { finished, output } from "../helpers/command.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { busyboxArchive } from "../helpers/images.ts";
import { requireRegistry, startRegistry } from "../helpers/registry.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
const TEXT = readFileSync(join(REPOSITORY, "docs/library.md"), "utf8");
const EXAMPLES = [...TEXT.matchAll(/^```ts\n([^]*?)^```/gm)].map(([, source = ""]) => source);

const COMPILER = {
  target: "ES2022",
  lib: ["ES2023", "ESNext.Disposable", "DOM"],
  module: "NodeNext",
  strict: true,
  exactOptionalPropertyTypes: true,
  types: ["node"],
};

describe("docs/library.md", () => {
  it("names every function", () => {
    const missing = Object.keys(library).filter((name) => !new RegExp(`\\b${name}\\b`).test(TEXT));

    expect(missing).toEqual([]);
  });
});

describe.runIf(requireUserNamespaces())("the examples of docs/library.md", () => {
  let project: string;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    project = await temporaryFolder();
    env = { ...process.env, MARMITA_ROOT: join(project, "data") };
    mkdirSync(join(project, "node_modules/@types"), { recursive: true });
    symlinkSync(REPOSITORY, join(project, "node_modules/marmita"));
    for (const name of ["@types/node", "undici-types"]) {
      symlinkSync(join(REPOSITORY, "node_modules", name), join(project, "node_modules", name));
    }
    writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module" }));
    const files = EXAMPLES.map((source, at) => {
      writeFileSync(join(project, `${at}.ts`), source);
      return `${at}.ts`;
    });
    const config = { compilerOptions: COMPILER, files };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify(config));
    const marmita = join(REPOSITORY, "dist/bin/marmita.js");
    output([process.execPath, marmita, "load", "-i", busyboxArchive()], { env });
    output([join(REPOSITORY, "node_modules/.bin/tsc"), "--project", "tsconfig.json"], {
      cwd: project,
    });
  });

  it.each([
    { at: 0, printed: "3 8 false\n" },
    { at: 1, printed: "arroz\nbeans\n\n0 null\n" },
    { at: 2, printed: "42 true\n" },
    { at: 3, printed: "beans\nsalt\n\nbeans\n\n" },
    { at: 5, printed: "echo feijoada rootfs\n" },
    { at: 6, printed: "0 arroz\nbeans\n\n" },
  ])("print what they say: $at", ({ at, printed }) => {
    const { stdout, stderr } = finished([process.execPath, `${at}.js`], { cwd: project, env });

    expect({ stdout, stderr }).toEqual({ stdout: printed, stderr: "" });
  });

  it.runIf(requireRegistry())("print what they say, with a registry", async () => {
    const { host } = await startRegistry();
    const source = readFileSync(join(project, "4.js"), "utf8");
    writeFileSync(join(project, "here.js"), source.replaceAll("localhost:5000", host));

    const { stdout, stderr } = finished([process.execPath, "here.js"], { cwd: project, env });

    expect({ stdout, stderr }).toEqual({ stdout: "true true\nresolving done\n", stderr: "" });
  });

  it("print what they say in the JavaScript of every Node.js", () => {
    const [, source = ""] = /^```js\n([^]*?)^```/m.exec(TEXT) ?? [];
    writeFileSync(join(project, "plain.js"), source);

    const { stdout, stderr } = finished([process.execPath, "plain.js"], { cwd: project, env });

    expect({ stdout, stderr }).toEqual({ stdout: "feijoada\n\n", stderr: "" });
  });
});
