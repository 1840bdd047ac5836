/** What of the machine a container must not reach: made for the tests, gone after them. */
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { probeProgram } from "../../../fixtures/probe.mjs";
import { output } from "../command.ts";
import { temporaryFolder } from "../folder.ts";

/** What `{name}` stands for in a row's words. */
export type Host = Readonly<Record<string, string>>;

export interface Machine {
  /**
   * `pid` of a process of the caller, `port` of a TCP server on loopback, `abstract` the name of
   * a socket, `folder` with a file `secret`, `segment` the key of shared memory.
   */
  readonly host: Host;
  close(): Promise<void>;
}

const IPC_CREATE = String(0o1000 | 0o600);
const IPC_RMID = "0";

export async function openMachine(): Promise<Machine> {
  const folder = await temporaryFolder();
  writeFileSync(join(folder, "secret"), "secret");
  const abstract = `marmita-test-${process.pid}`;
  const tcp = createServer().listen(0, "127.0.0.1");
  const sockets = [tcp, createServer().listen(`\0${abstract}`)];
  await Promise.all(sockets.map((one) => once(one, "listening")));
  const { port } = tcp.address() as AddressInfo;
  const segment = String(0x6d000000 + process.pid);
  const id = probe("shmget", segment, "4096", IPC_CREATE);
  return {
    host: { pid: String(process.pid), port: String(port), abstract, folder, segment },
    async close() {
      probe("shmctl", id, IPC_RMID, "0");
      for (const one of sockets) one.close();
    },
  };
}

/** A system call made on the machine itself. */
function probe(...words: readonly string[]): string {
  return output([probeProgram(), "number", ...words]).trim();
}
