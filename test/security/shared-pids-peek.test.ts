/** A container with CAP_SYS_PTRACE that looks into those who come to share its processes, before they have left the machine's file system (as CVE-2016-9962). */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { peekProgram } from "../../fixtures/peek.mjs";
import { run } from "../../lib/api/run.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { lineOf } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

/** The first of them was seen, when they could be. */
const COMERS = 40;

describe.runIf(requireUserNamespaces())("a container that may trace what it sees", () => {
  expectNothingLeft();

  it("sees none of the machine's files in those who come to share its processes", async () => {
    const engine = await busyboxEngine();
    const secret = join(await temporaryFolder(), "file");
    await writeFile(secret, "precious");
    const options = { engine, network: "none", remove: true } as const;
    const looker = await engine.containers.create({
      image: "busybox",
      command: ["/peek", secret, "50"],
      capAdd: ["SYS_PTRACE"],
      network: "none",
      remove: true,
      mounts: [{ type: "bind", source: peekProgram(), target: "/peek", readOnly: true }],
    });
    await using looking = await looker.start();
    if (looking.stdout !== undefined) await lineOf(looking.stdout, /looking/);

    for (let at = 0; at < COMERS; at++) {
      await run("busybox", ["true"], { ...options, pid: `container:${looker.id}` });
    }

    looking.kill("SIGKILL"); // which ends it, unless it has ended because it saw the file
    expect(await looking.wait()).toMatchObject({ signal: "SIGKILL" });
  });
});
