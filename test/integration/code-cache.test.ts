/** What V8 made of the command's files is kept, and nobody notices. */
import { spawnSync } from "node:child_process";
import {
  chmod,
  lstat,
  mkdir,
  readdir,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../helpers/folder.ts";
import { PROGRAM } from "./cli-command.ts";

let cache: string;

beforeEach(async () => {
  cache = join(await temporaryFolder(), "cache");
});

/** Starts a bundle of two files; `word` is of one length, by which alone V8 tells sources apart. */
async function starter(): Promise<(word: string, build?: string) => Promise<string>> {
  const directory = await temporaryFolder();
  const cacher = JSON.stringify(join(dirname(PROGRAM), "code-cache.js"));
  await writeFile(join(directory, "main.js"), 'console.log(require("./word.js").word);');
  return async (word, build = "a") => {
    await writeFile(join(directory, "word.js"), `exports.word = "${word}";`);
    const bundle = `{ directory: __dirname, require, build: "${build}" }`;
    await writeFile(join(directory, "start.js"), `require(${cacher}).start(${bundle}, "main.js");`);
    return call([join(directory, "start.js"), "say"]);
  };
}

function call(args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    timeout: 10_000,
    env: { ...process.env, XDG_CACHE_HOME: cache, ...env },
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.trim();
}

describe("the code cache", () => {
  it("is used the second time, by the same build alone", async () => {
    const start = await starter();
    expect(await start("one")).toBe("one");
    expect(await start("two"), "compiled, though it was kept").toBe("one");
    expect(await start("two", "b")).toBe("two");
  });

  it("is the user's alone", async () => {
    call([PROGRAM, "version"]);
    const [version = ""] = await readdir(join(cache, "marmita"));
    expect(version).toContain(process.version);
    const mode = async (path: string) =>
      ((await lstat(join(cache, path))).mode & 0o777).toString(8);
    expect(await mode("marmita")).toBe("700");
    expect(await mode(`marmita/${version}`)).toBe("700");
    expect(await readdir(join(cache, "marmita", version))).toEqual(["version"]);
    expect(await mode(`marmita/${version}/version`)).toBe("600");
  });

  it("is not written by a command that fails, nor where none is wanted", async () => {
    expect(spawnSync(process.execPath, [PROGRAM, "no-such-command"]).status).toBe(1);
    call([PROGRAM, "version"], { NODE_DISABLE_COMPILE_CACHE: "1" });
    call([PROGRAM, "version"], { XDG_CACHE_HOME: "", HOME: "" });
    await expect(lstat(cache)).rejects.toThrow("ENOENT");
  });

  it("is made again when a part of it is missing", async () => {
    const start = await starter();
    await start("one");
    const [version = ""] = await readdir(join(cache, "marmita"));
    const file = join(cache, "marmita", version, "say");
    const { size } = await lstat(file);
    for (const left of [0, 3, 40, size - 8]) {
      await truncate(file, left);
      expect(await start("two")).toBe("two");
      expect((await lstat(file)).size).toBe(size);
    }
  });

  it("does no harm where it cannot be", async () => {
    for (const place of ["/proc/no/such", "/dev/null", "/proc/self"]) {
      expect(call([PROGRAM, "version"], { XDG_CACHE_HOME: place })).toContain("Node.js");
    }
  });

  it("is neither read nor written where others may write", async () => {
    const start = await starter();
    await start("one");
    await chmod(cache, 0o777);
    expect(await start("two")).toBe("two");
    await chmod(cache, 0o700);
    await chmod(join(cache, "marmita"), 0o770);
    expect(await start("two")).toBe("two");

    cache = join(await temporaryFolder(), "other");
    const elsewhere = await temporaryFolder();
    await mkdir(cache, 0o700);
    await symlink(elsewhere, join(cache, "marmita"));
    expect(await start("one")).toBe("one");
    expect(await readdir(elsewhere)).toEqual([]);
  });

  it("does not pile up", async () => {
    const all = join(cache, "marmita");
    for (const [age, name] of ["code-1", "code-2", "code-3", "code-4", "code-5"].entries()) {
      await mkdir(join(all, name), { recursive: true, mode: 0o700 });
      await writeFile(join(all, name, "ps"), "");
      await utimes(join(all, name), 1_000_000 - age, 1_000_000 - age);
    }
    await mkdir(join(all, "of-somebody"));
    await chmod(cache, 0o700);
    await chmod(all, 0o700);
    call([PROGRAM, "version"]);
    const left = (await readdir(all)).filter((name) => !name.includes(process.version));
    expect(left.sort()).toEqual(["code-1", "code-2", "code-3", "of-somebody"]);
  });
});
