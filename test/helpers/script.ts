/** Scripts in processes of their own, which may be killed: they use what is built in dist/. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";

const INDEX = new URL("../../dist/index.js", import.meta.url).href;

export interface Script extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly stdout: Readable;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

/** A module's text, in which `marmita` is all that the package exports and `root` a data root. */
export function script(root: string, text: string): Script {
  const head = `import * as marmita from ${JSON.stringify(INDEX)};
    const root = ${JSON.stringify(root)};\n`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", head + text], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit").then(([code, signal]: unknown[]) => {
    return typeof code === "number" ? code : String(signal);
  });
  return {
    child,
    stdout: child.stdout,
    ended,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
