// CVE-2018-15664: who reads a container's files while it runs must not be led out of them.
import { expect, it } from "vitest";
import { testEngine } from "../helpers/engine.ts";
import { eventually } from "../helpers/eventually.ts";
import { busyboxArchive } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

expectNothingLeft();

/** Directories go up and down the tree, and turn into links to the outside and back. */
const SCRIPT = `
  mkdir -p /r/a/b/c/d/e/f/g && touch /r/a/b/c/d/e/f/g/file /ready
  while true; do
    mv /r/a/b/c /r/c && mv /r/c/d /r/d && ln -s / /r/c/d && rm /r/c/d
    mv /r/d /r/c/d && mv /r/c /r/a/b/c
    rm -rf /r/a/b/x && ln -s ../../../../../../../../.. /r/a/b/x && rm /r/a/b/x && mkdir /r/a/b/x
  done`;

it.runIf(requireUserNamespaces())(
  "diff stays in a container's files, whatever it renames meanwhile",
  async () => {
    const engine = await testEngine();
    await engine.images.load(busyboxArchive());
    const command = ["sh", "-c", SCRIPT];
    const box = await engine.containers.create({ image: "busybox", command, network: "none" });
    const process = await box.start({ stdout: "ignore", stderr: "ignore" });
    await eventually("its tree", async () => {
      return (await box.diff()).some(({ path }) => path === "/ready") || undefined;
    });

    const paths = new Set<string>();
    for (let count = 0; count < 60; count++) {
      for (const { kind, path } of await box.diff()) paths.add(`${kind} ${path}`);
    }
    process.kill("SIGKILL");
    await process.wait();
    await box.remove();

    const strange = [...paths].filter((one) => !/^A \/(?:ready|r(?:\/[a-gx]|\/file)*)$/.test(one));
    expect(strange).toEqual([]);
  },
);
