/** A directory of the machine where a container's standard input should be. */
import { closeSync, openSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { busyboxEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const SCRIPT = `
  import { run } from ${JSON.stringify(new URL("../../dist/index.js", import.meta.url).href)};
  const options = { root: process.argv[1], stdin: "inherit", remove: true };
  await run("busybox", ["ls", "/proc/self/fd/0/"], options).then(
    ({ stdout }) => console.log("reached", stdout),
    ({ code, message }) => console.log(code, message),
  );
`;

describe.runIf(requireUserNamespaces())("a caller whose standard input is a directory", () => {
  expectNothingLeft();

  it("cannot hand it to a container, which would climb from it", async () => {
    const { root } = await busyboxEngine();
    const directory = openSync("/usr", "r");

    const words = ["--input-type=module", "-e", SCRIPT, root];
    const { stdout } = spawnSync(process.execPath, words, {
      stdio: [directory, "pipe", "inherit"],
      encoding: "utf8",
      timeout: 30_000,
    });

    closeSync(directory);
    expect(stdout).toMatch(/^START_FAILED hand over descriptor 0: .*directory$/m);
  });
});
