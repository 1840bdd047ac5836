/** The examples of docs/testing.md, and the README's, compile and pass, from another folder, by the package's name. */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { type Finished, finished, output } from "../helpers/command.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { busyboxArchive } from "../helpers/images.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
const MODULES = join(REPOSITORY, "node_modules");

const COMPILER = {
  target: "ES2022",
  lib: ["ES2023", "ESNext.Disposable", "DOM"],
  module: "NodeNext",
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true, // of Vitest
  types: ["node"],
  outDir: "dist",
};

describe.runIf(requireUserNamespaces())("docs/testing.md", () => {
  let project: string;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    if (!existsSync(join(REPOSITORY, "dist/testing/vitest.js"))) {
      throw new Error("not built: npm run build");
    }
    project = await temporaryFolder();
    env = { ...process.env, MARMITA_ROOT: join(project, "data"), CI: "1", NO_COLOR: "1" };
    makeProject(project);
    output(
      [process.execPath, join(REPOSITORY, "dist/bin/marmita.js"), "load", "-i", busyboxArchive()],
      { env },
    );
  });

  it("has examples that compile", () => {
    output([join(MODULES, ".bin/tsc"), "--project", "tsconfig.json"], { cwd: project });

    expect(readdirSync(join(project, "dist")).length).toBe(EXAMPLES.length);
  });

  it("has tests of Vitest that pass, and leave nothing", () => {
    const { status, stdout, stderr } = run([
      join(MODULES, "vitest/vitest.mjs"),
      "run",
      "--no-cache",
      "--reporter=tap",
    ]);

    expect(status === 0 ? stderr : stdout + stderr).toBe("");
    expect(stdout.match(/^ *ok .*\.test\.js/gm)).toHaveLength(4);
    expect(leftIn("containers", "live", "snapshots", "volumes", "names", "trash")).toEqual([]);
  });

  it("has tests of node:test that pass, and leave nothing", () => {
    const { status, stdout, stderr } = run(["--test", "--test-reporter=tap", "dist/node-1.js"]);

    expect(status === 0 ? stderr : stdout + stderr).toBe("");
    expect(stdout).toMatch(/^# pass 2$/m);
    expect(leftIn("containers", "live", "snapshots", "volumes", "names", "trash")).toEqual([]);
  });

  function run(args: readonly string[]): Finished {
    // Not as a part of the run that this is a test of.
    const plain = Object.entries(env).filter(
      ([name]) => !/^(?:VITEST|NODE_TEST|NODE_OPTIONS)/.test(name),
    );
    return finished([process.execPath, ...args], { cwd: project, env: Object.fromEntries(plain) });
  }

  function leftIn(...folders: readonly string[]): readonly string[] {
    return folders.flatMap((folder) => readdirSync(join(project, "data", folder)));
  }
});

const EXAMPLES = [
  ...blocks("ts", "docs/testing.md"),
  ...blocks("ts", "README.md").filter((source) => source.includes("marmita/vitest")),
];

function makeProject(project: string): void {
  mkdirSync(join(project, "node_modules/@types"), { recursive: true });
  symlinkSync(REPOSITORY, join(project, "node_modules/marmita"));
  for (const name of ["vitest", "@vitest", "@types/node", "undici-types"]) {
    symlinkSync(join(MODULES, name), join(project, "node_modules", name));
  }
  writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module" }));
  const names = EXAMPLES.map((source, index) => {
    const name = source.includes("marmita/vitest") ? `${index}.test.ts` : `node-${index}.ts`;
    writeFileSync(join(project, name), source);
    return name;
  });
  writeFileSync(
    join(project, "tsconfig.json"),
    JSON.stringify({ compilerOptions: COMPILER, files: names }),
  );
  writeFileSync(
    join(project, "vitest.config.mjs"),
    'export default { test: { include: ["dist/*.test.js"], pool: "forks" } };\n',
  );
}

/** The fenced blocks of one language. */
function blocks(language: string, document: string): readonly string[] {
  const text = readFileSync(join(REPOSITORY, document), "utf8");
  const fences = text.matchAll(/^```(\w+)\n([^]*?)^```/gm);
  return [...fences].filter(([, name]) => name === language).map(([, , block = ""]) => block);
}
