/**
 * The helper's own file, where a bare container's command is the helper once more, by way of
 * /proc/self/exe (CVE-2019-5736): what is open there was never the file that others execute.
 *
 * Red without seal_self() in native/init/main.c.
 */
import { closeSync, constants, openSync, readlinkSync, writeSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { binding, helperPath } from "../../lib/native/binding.ts";
import { BareContainer } from "../helpers/bare.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

requireUserNamespaces();

describe("a bare container whose command is the helper itself", () => {
  expectNothingLeft();

  it("has a copy of it that nobody can write to", async () => {
    const [read, write] = binding().pipe();
    const [ours, theirs] = binding().socketPair();
    // A socket as 3 has it believe that it was started by us: it reads its stdin.
    const box = await BareContainer.create({
      command: ["/proc/self/exe", "blob", "/blob"],
      stdin: read,
      preserved: [theirs],
    });
    closeSync(read);
    closeSync(theirs);
    expect(await box.start()).toBe("");

    const path = `/proc/${box.pid}/exe`;
    expect(readlinkSync(path)).toMatch(/^\/memfd:marmita-init/);
    expect(readlinkSync(path)).not.toBe(helperPath());
    const opened = openSync(path, constants.O_RDONLY);
    closeSync(write);
    await box.written(box.pid);
    expect(() => {
      const again = openSync(`/proc/self/fd/${opened}`, constants.O_WRONLY);
      try {
        writeSync(again, "#!/bin/evil\n");
      } finally {
        closeSync(again);
      }
    }).toThrow(/EPERM|ETXTBSY|EACCES/);
    closeSync(opened);
    closeSync(ours);
  });
});
