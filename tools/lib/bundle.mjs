// The command as a few files: loading lib/ file by file takes longer than what most commands do.
import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

/** lib/cli of `folder` → dist/bin there. Two folders below the package, as lib/native/binding.ts is. */
export async function bundleCommand(folder) {
  const target = join(folder, "dist/bin");
  const bundle = await rolldown({
    cwd: folder,
    input: { marmita: join(folder, "lib/cli/marmita.ts") },
    platform: "node",
    transform: { target: "node20.17" },
    logLevel: "warn",
  });
  rmSync(target, { recursive: true, force: true });
  await bundle.write({
    dir: target,
    format: "esm",
    sourcemap: true,
    entryFileNames: "[name].js",
    chunkFileNames: "[name]-[hash].js",
  });
  await bundle.close();
  chmodSync(join(target, "marmita.js"), 0o755);
}
