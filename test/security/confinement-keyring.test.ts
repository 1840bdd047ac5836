/** Keys of the caller's session, which a container would inherit: a row of docs/confinement.md. */
import { describe, expect, it } from "vitest";
import { probeProgram } from "../../fixtures/probe.mjs";
import { output } from "../helpers/command.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { probeArchive } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const dist = (path: string) => JSON.stringify(new URL(`../../dist/${path}`, import.meta.url).href);

/** Looks for the key of the session it runs in: with a keyring of the container's, and without. */
const SCRIPT = `
  import { readFileSync, writeFileSync } from "node:fs";
  import { openEngine } from ${dist("index.js")};
  import { decodePlan, encodePlan } from ${dist("native/plan.js")};
  const [root, archive, name] = process.argv.slice(-3);
  const engine = await openEngine({ root });
  await engine.images.load(archive);
  for (const keep of [true, false]) {
    const command = ["probe", "find-key", name];
    const options = { image: "probe", command, network: "none", seccomp: "unconfined" };
    const box = await engine.containers.create({ ...options, remove: true });
    const path = root + "/containers/" + box.id + "/plan";
    const plan = decodePlan(readFileSync(path));
    writeFileSync(path, encodePlan(plan.filter(([name]) => keep || name !== "keyring")));
    const started = await box.start({ stdout: "inherit" });
    await started.wait();
  }
  await engine[Symbol.asyncDispose]();
`;

describe.runIf(requireUserNamespaces())("confinement: keyring", () => {
  expectNothingLeft();

  it("session keyring of its own", async () => {
    const root = await temporaryFolder();
    const name = `marmita-test-${process.pid}`;
    const node = [process.execPath, "--input-type=module", "--eval", SCRIPT, root, probeArchive()];

    const answers = output([probeProgram(), "keep-key", name, ...node, name]);

    expect(answers).toBe("ENOKEY\nok\n");
  });
});
