import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Finished, finished, output } from "../helpers/command.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { subordinateIdsFault } from "../helpers/ids.ts";
import { busyboxArchive } from "../helpers/images.ts";
import { requireRegistry, startRegistry } from "../helpers/registry.ts";
import { hostCannot, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));

const COMPILER = {
  target: "ES2022",
  lib: ["ES2023", "ESNext.Disposable"],
  module: "NodeNext",
  strict: true,
  exactOptionalPropertyTypes: true,
  noPropertyAccessFromIndexSignature: true,
  types: ["node"],
};

// The examples are read as they are installed: from another folder, by the package's name.
describe.runIf(requireUserNamespaces())("the README", () => {
  let project: string;
  let env: NodeJS.ProcessEnv;

  afterAll(() => {
    finished([MARMITA, "rm", "-f", "lunch", "clock"], { cwd: project, env });
  });

  beforeAll(async () => {
    if (!existsSync(MARMITA)) throw new Error("not built: npm run build");
    project = await temporaryFolder();
    env = { ...process.env, MARMITA_ROOT: join(project, "data"), PATH: pathWithMarmita(project) };
    makeProject(project);
  });

  it("begins with ten lines of JavaScript that say hello", () => {
    output([MARMITA, "load", "-i", "busybox.tar"], { cwd: project, env });

    const { stdout, stderr } = runJavaScript(blocks("js")[0] ?? "");

    expect(stderr).toBe("");
    expect(stdout).toBe("0 hello world\n\n");
  });

  it("has TypeScript that compiles and prints what it says", () => {
    output([MARMITA, "load", "-i", "busybox.tar"], { cwd: project, env });

    const { stdout, stderr } = runTypeScript(blocks("ts")[0] ?? "");

    const lines = stdout.split("\n").filter((line) => line !== "");
    expect(stderr).toBe("");
    expect(lines[0]).toBe("7 what the command reads");
    expect(lines[1]).toMatch(/^ false (subids|root|single)$/);
    expect(lines[2]).toMatch(/no such file or directory 127$/);
    expect(lines[3]).toBe("one line");
    expect(lines[4]).toMatch(/^[a-z]+_[a-z]+ 0$/);
  });

  it("has a container that lives on by itself", () => {
    output([MARMITA, "load", "-i", "busybox.tar"], { cwd: project, env });

    const { stdout, stderr } = runTypeScript(blocks("ts")[2] ?? "");

    expect(stderr).toBe("");
    expect(stdout).toBe("13\nstdout open\n");
  });

  it("has commands for containers in the background", () => {
    output([MARMITA, "load", "-i", "busybox.tar"], { cwd: project, env });
    const commands = blocks("sh").find((block) => block.includes("marmita run -d")) ?? "";

    const { status, stdout, stderr } = finished(["sh", "-eu"], {
      cwd: project,
      env,
      input: commands,
    });

    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(readFileSync(join(project, "time"), "utf8")).toBe("lunch\n");
    expect(stdout).toContain(" container destroy ");
    expect(output([MARMITA, "ps", "-aq"], { cwd: project, env })).not.toContain("clock");
  });

  it("has a terminal that takes its size and its end from what is typed", () => {
    output([MARMITA, "load", "-i", "busybox.tar"], { cwd: project, env });

    const { stdout, stderr } = runTypeScript(blocks("ts")[1] ?? "");

    expect(stderr).toBe("");
    expect(stdout).toMatch(/^40 120\r?$/m);
    expect(stdout).toMatch(/^3$/m);
  });

  it("runs the machine's own programs in the image host", () => {
    const { stdout, stderr } = runJavaScript(blocks("js")[1] ?? "");

    expect(stderr).toBe("");
    expect(stdout.trim()).toBe(process.version);
  });

  it("makes an image of a container", () => {
    output([MARMITA, "load", "-i", "busybox.tar"], { cwd: project, env });

    const { stdout, stderr } = runJavaScript(blocks("js")[2] ?? "");

    expect(stderr).toBe("");
    expect(stdout).toBe("[ { kind: 'A', path: '/lunch' } ]\nfeijoada\n\n");
    output([MARMITA, "rmi", "-f", "lunch"], { cwd: project, env });
    output(["sh", "-c", "marmita rm $(marmita ps -aq)"], { cwd: project, env });
  });

  it("points to errors that can be told apart as docs/errors.md shows", () => {
    output([MARMITA, "load", "-i", "busybox.tar"], { cwd: project, env });

    const { stderr } = runJavaScript(blocks("js", "docs/errors.md")[0] ?? "");

    expect(stderr).toMatch(/^exec nope: .* 127\n$/);
  });

  it("points to an image host that is used as docs/host-image.md shows", () => {
    const [commands = ""] = blocks("sh", "docs/host-image.md");
    const home = join(project, "home");
    mkdirSync(join(home, "project"), { recursive: true });

    const { status, stdout, stderr } = finished(["sh", "-eu"], {
      cwd: home,
      env: { ...env, HOME: home },
      input: commands,
    });

    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout.split("\n")[0]).toBe(process.version);
    expect(existsSync(join(home, "project"))).toBe(true);
  });

  it("points to images that are made as docs/images.md shows", () => {
    const [commands = ""] = blocks("sh", "docs/images.md");
    const input = commands;

    const { status, stdout, stderr } = finished(["sh", "-eu"], { cwd: project, env, input });

    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain("A /menu\nA /menu/monday\nsha256:");
    expect(stdout.match(/^feijoada$/gm)).toHaveLength(2);
    expect(output([MARMITA, "images", "-q"], { cwd: project, env })).toBe("");
  });

  it("points to functions that make them as docs/images.md shows", () => {
    const { stdout, stderr } = runTypeScript(blocks("js", "docs/images.md")[0] ?? "");

    expect(stderr).toBe("");
    expect(stdout).toBe(
      "A /lunch\ntrue\n2023-11-14T22:13:20Z sh -c echo feijoada > /lunch\nfeijoada\n\n",
    );
    output(["sh", "-c", "marmita system prune -af"], { cwd: project, env });
  });

  describe.runIf(requireRegistry())("with a registry on this machine", () => {
    /** What stands in the place of `localhost:5000`. */
    let host: string;
    const here = (text = "") => text.replaceAll("localhost:5000", host);

    beforeAll(async () => {
      ({ host } = await startRegistry());
    });
    beforeEach(() => {
      output([MARMITA, "load", "-i", "busybox.tar"], { cwd: project, env });
    });
    afterEach(() => {
      finished(["sh", "-c", "marmita rm -f $(marmita ps -aq); marmita system prune -af"], {
        cwd: project,
        env,
      });
    });

    const shell = (text: string) => {
      return finished(["sh", "-eu"], { cwd: project, env, input: here(text) });
    };

    it("pushes, pulls and searches", () => {
      const [commands = ""] = blocks("sh").filter((block) => block.includes("marmita push"));

      const { status, stdout, stderr } = shell(commands);

      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toContain(here("The push refers to repository [localhost:5000/lunch]\n"));
      expect(stdout).toContain("monday: Pulling from lunch\n");
      expect(stdout).toMatch(/^feijoada$/m);
      expect(stdout).toMatch(new RegExp(here(String.raw`^NAME .*\nlocalhost:5000/lunch `), "m"));
    });

    it("does the same with functions", () => {
      const { stdout, stderr } = runJavaScript(here(blocks("js")[3]));

      expect({ stdout, stderr }).toEqual({ stdout: "true\n", stderr: "" });
    });

    it("points to images that travel as docs/images.md shows", () => {
      const { status, stdout, stderr } = shell(blocks("sh", "docs/images.md")[1] ?? "");

      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toContain("latest: Pulling from lunch\n");
      expect(stdout).toMatch(/^feijoada$/m);
      expect(output([MARMITA, "images", "-q"], { cwd: project, env })).toBe("");
      const program = runTypeScript(here(blocks("js", "docs/images.md")[1]));
      expect(program.stderr).toBe("");
      const [phases, digest] = program.stdout.split("\n");
      expect(phases).toBe("[ 'resolving', 'resolved' ]");
      expect(digest?.startsWith(here("localhost:5000/lunch@sha256:"))).toBe(true);
    });
  });

  it("has commands that work one after the other in a shell", (context) => {
    const fault = process.getuid?.() === 0 ? undefined : subordinateIdsFault();
    if (fault !== undefined) context.skip(hostCannot("run containers as user 1000", fault));
    const commands = blocks("sh").find((block) => block.includes("marmita load")) ?? "";

    const { status, stdout, stderr } = finished(["sh", "-eu"], {
      cwd: project,
      env,
      input: commands,
    });

    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^hello world\n7\n/m);
    expect(stdout).toContain("COLOR=blue");
    expect(stdout).toMatch(/^uid=1000\(cook\) gid=1000\(cook\)/m);
    expect(output([MARMITA, "ps", "-aq"], { cwd: project, env })).toBe("");
    expect(output([MARMITA, "images", "-q"], { cwd: project, env })).toBe("");
  });

  function runJavaScript(source: string): Finished {
    writeFileSync(join(project, "example.mjs"), source);
    return finished([process.execPath, "example.mjs"], { cwd: project, env });
  }

  function runTypeScript(source: string): Finished {
    writeFileSync(join(project, "example.ts"), source);
    const tsc = join(REPOSITORY, "node_modules/.bin/tsc");
    output([tsc, "--project", "tsconfig.json"], { cwd: project });
    return finished([process.execPath, "example.js"], { cwd: project, env });
  }
});

const MARMITA = join(REPOSITORY, "dist/bin/marmita.js");

function makeProject(project: string): void {
  mkdirSync(join(project, "node_modules/@types"), { recursive: true });
  symlinkSync(REPOSITORY, join(project, "node_modules/marmita"));
  for (const types of ["node", "../undici-types"]) {
    const installed = join(REPOSITORY, "node_modules/@types", types);
    symlinkSync(installed, join(project, "node_modules/@types", types));
  }
  writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module" }));
  const config = { compilerOptions: COMPILER, files: ["example.ts"] };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify(config));
  copyFileSync(busyboxArchive(), join(project, "busybox.tar"));
}

function pathWithMarmita(project: string): string {
  const bin = join(project, "bin");
  mkdirSync(bin);
  symlinkSync(MARMITA, join(bin, "marmita"));
  return `${bin}:${process.env["PATH"] ?? ""}`;
}

/** The fenced blocks of one language. */
function blocks(language: string, document = "README.md"): readonly string[] {
  const text = readFileSync(join(REPOSITORY, document), "utf8");
  const fences = text.matchAll(/^```(\w+)\n([^]*?)^```/gm);
  return [...fences].filter(([, name]) => name === language).map(([, , block = ""]) => block);
}
