import { beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../lib/engine/engine.ts";
import { finished } from "../helpers/command.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const INDEX = new URL("../../dist/index.js", import.meta.url).href;

/** Takes all descriptors, gives them back one by one, and runs a container each time. */
const SCRIPT = `
  import { closeSync, openSync } from "node:fs";
  import { isMarmitaError, openEngine } from ${JSON.stringify(INDEX)};
  const engine = await openEngine({ root: process.argv[1] });
  const run = () => engine.containers.run("busybox", ["true"], { remove: true });
  await run();
  const taken = [];
  try {
    for (;;) taken.push(openSync("/dev/null"));
  } catch {}
  const outcomes = [];
  while (taken.length > 0 && outcomes.at(-1) !== "0") {
    closeSync(taken.pop());
    await run().then(
      ({ exitCode }) => outcomes.push(String(exitCode)),
      (error) => outcomes.push(isMarmitaError(error) ? error.code + " " + error.errno : String(error)),
    );
  }
  for (const descriptor of taken) closeSync(descriptor);
  console.log(JSON.stringify({ outcomes, left: await engine.containers.list() }));
  await engine.close();
`;

describe.runIf(requireUserNamespaces())("a process that has run out of descriptors", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  it("is told so, however few are missing, and leaves nothing", () => {
    const start = 'ulimit -n 128; exec "$0" --input-type=module --eval "$1" "$2"';

    const { stdout, stderr } = finished(["sh", "-c", start, process.execPath, SCRIPT, engine.root]);

    expect(stderr).toBe("");
    const { outcomes, left } = JSON.parse(stdout) as { outcomes: string[]; left: unknown[] };
    expect(left).toEqual([]);
    expect(outcomes.pop()).toBe("0");
    expect(new Set(outcomes)).toEqual(new Set(["UNAVAILABLE EMFILE"]));
  });
});
