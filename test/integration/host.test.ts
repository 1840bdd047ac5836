import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { RunOptions } from "../../lib/engine/options.ts";
import { testEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("the image host", () => {
  expectNothingLeft();

  let engine: Engine;
  /** In the caller's home, which is on this machine's own disk. */
  let folder: string;

  beforeAll(async () => {
    engine = await testEngine();
    folder = await mkdtemp(join(homedir(), ".marmita-test-"));
    await writeFile(join(folder, "file"), "from outside\n");
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  function shell(script: string, options: RunOptions = {}) {
    return run("host", ["sh", "-c", script], { engine, remove: true, ...options });
  }

  it("runs as the caller, in the caller's directory, without a network where none is asked for", async () => {
    const { stdout, isolation } = await shell("id -u; id -g; pwd; ls /sys/class/net", {
      network: "none",
    });

    expect(stdout).toBe(`${process.getuid?.()}\n${process.getgid?.()}\n${process.cwd()}\nlo\n`);
    expect(isolation.network).toBe("none");
  });

  it("shows what is in the caller's home", async () => {
    const { stdout } = await shell(`cat ${folder}/file; test "$HOME" = ${homedir()} && echo home`);

    expect(stdout).toBe("from outside\nhome\n");
  });

  it("runs this machine's programs", async () => {
    const { stdout } = await run("host", [process.execPath, "-p", "process.version"], {
      engine,
      remove: true,
    });

    expect(stdout).toBe(`${process.version}\n`);
  });

  it("writes nothing back", async () => {
    const script = `cd ${folder}; echo inside > file; echo new > new; rm -rf ${folder}/gone; cat file new`;

    const { stdout, stderr } = await shell(script);

    expect({ stdout, stderr }).toEqual({ stdout: "inside\nnew\n", stderr: "" });
    expect(await readFile(join(folder, "file"), "utf8")).toBe("from outside\n");
    expect(existsSync(join(folder, "new"))).toBe(false);
  });

  it("keeps what was written for the next start of the same container", async () => {
    const box = await engine.containers.create({
      image: "host",
      command: ["sh", "-c", `cat ${folder}/kept 2>&1; echo kept > ${folder}/kept`],
    });
    await (await box.start({ stdout: "ignore" })).wait();

    await using process = await box.start();
    let output = "";
    for await (const chunk of process.stdout ?? []) output += String(chunk);

    expect(output).toBe("kept\n");
    expect(existsSync(join(folder, "kept"))).toBe(false);
    await process.wait();
    await box.remove();
  });

  it("hides the data root", async () => {
    const { stdout } = await shell(`ls -A ${engine.root} | wc -l`);

    expect(stdout).toBe("0\n");
  });

  it("is a name that no image can have", async () => {
    await expect(engine.images.get("host")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("passes no secrets of the environment on", async () => {
    process.env["MARMITA_TEST_SECRET"] = "secret";
    try {
      const { stdout } = await shell("env");

      expect(stdout).not.toContain("secret");
      expect(stdout).toContain(`PATH=${process.env["PATH"]}`);
    } finally {
      delete process.env["MARMITA_TEST_SECRET"];
    }
  });
});
