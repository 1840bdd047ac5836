/** A process that is killed, and seen to have ended. */
import { MarmitaError } from "../errors.ts";
import { Patience } from "../util/patience.ts";
import { sendTo } from "./kill.ts";
import { isAlive, type ProcessIdentity } from "./process-identity.ts";

const SIGKILL = 9;

/** How long what was killed may take to end: it may write to a slow disk. */
export const LONGEST_END_MS = 10_000;

/** Throws `UNAVAILABLE` for one that does not end. One that has ended already is fine. */
export async function endProcess(identity: ProcessIdentity): Promise<void> {
  const deadline = performance.now() + LONGEST_END_MS;
  const patience = new Patience();
  while (isAlive(identity)) {
    sendTo(identity, SIGKILL);
    if (performance.now() > deadline) {
      throw new MarmitaError("UNAVAILABLE", `process ${identity.pid} does not end`, {
        details: { process: identity.pid },
      });
    }
    await patience.wait();
  }
}
