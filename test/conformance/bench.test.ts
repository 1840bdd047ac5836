import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { output } from "../helpers/command.ts";
import { requireRegistry } from "../helpers/registry.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const BENCH = fileURLToPath(new URL("../../bench/run.mjs", import.meta.url));

describe.runIf(requireUserNamespaces())("npm run bench", () => {
  it("prints a table for each question, with ratios", () => {
    const small = ["--rounds=2", "--containers=10", "--resident=50", "--background=4"];

    const page = output([process.execPath, BENCH, "--only=start,disk,memory,background", ...small]);

    expect(page).toMatch(/^\| `run\(\)` of marmita \| [\d.]+ ms \| [\d.]+ ms \| 1\.00 × \|$/m);
    expect(page).toMatch(/^\| `spawn\("true"\)`, no container \| [\d.]+ ms \| .* × \|$/m);
    expect(page).toMatch(/^### Disk: 10 stopped containers/m);
    expect(page).toMatch(/^\| of it its own \| \d+ \|$/m);
    expect(page).toMatch(/^\| none \| 4 \| \d+ KiB \| \d+ KiB \|$/m);
    expect(page).toMatch(/^\| `marmita ps` \| [\d.]+ ms \|$/m);
  });

  it("has one bundle under each runtime", () => {
    const page = output([process.execPath, BENCH, "--only=bundle", "--rounds=1"]);

    expect(page).toMatch(/^### Bundle: run `true` of a ready bundle and wait for its end$/m);
    expect(page).toMatch(/^\| `marmita-runtime run` \| [\d.]+ ms \|/m);
    expect(page).toMatch(/^\| `runtime.run\(\)` in a warm process \| [\d.]+ ms \|/m);
  });

  it("has diff and commit of one changed file", () => {
    const small = ["--rounds=2", "--entries=450"];

    const page = output([process.execPath, BENCH, "--only=diff,commit", ...small]);

    expect(page).toMatch(/^\| `marmita diff` \| [\d.]+ ms \|/m);
    expect(page).toMatch(/^\| `marmita commit` \| [\d.]+ ms \|/m);
    expect(page).toMatch(/^\| `container.commit\(\)` in a warm process \| [\d.]+ ms \|/m);
  });

  it.runIf(requireRegistry())("has pulls from a registry", () => {
    const page = output([process.execPath, BENCH, "--only=pull", "--entries=450", "--rounds=1"]);

    expect(page).toMatch(/^\| `marmita pull`, synced \| [\d.]+ s \| [\d.]+ × \|$/m);
    expect(page).toMatch(/^\| `engine.images.pull\(\)`, synced \| [\d.]+ s \| [\d.]+ × \|$/m);
    expect(page).toMatch(/^### Pull: 20 images at once$/m);
  });

  it("has the speed of streams", () => {
    const small = ["--rounds=1", "--megabytes=5"];

    const page = output([process.execPath, BENCH, "--only=streams", ...small]);

    expect(page).toMatch(/^\| a bare pipe, no container \| \d+ \| 1\.00 × \|$/m);
    expect(page).toMatch(/^\| marmita, with a log, attached \| \d+ \| [\d.]+ × \|$/m);
  });
});
