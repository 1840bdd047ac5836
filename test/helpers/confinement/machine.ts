/** What of the machine a container must not reach: made for the tests, gone after them. */
import { type ChildProcess, spawn } from "node:child_process";
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
   * a socket, `folder` with a file `secret`, `segment` the key of shared memory, `terminal` one of
   * the caller's.
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
  const { child, path: terminal } = await openTerminal();
  return {
    host: { pid: String(process.pid), port: String(port), abstract, folder, segment, terminal },
    async close() {
      child.kill();
      await once(child, "exit");
      probe("shmctl", id, IPC_RMID, "0");
      for (const one of sockets) one.close();
    },
  };
}

/** A pair of a terminal, held open by a process. */
async function openTerminal(): Promise<{ child: ChildProcess; path: string }> {
  const child = spawn(probeProgram(), ["terminal"], { stdio: ["pipe", "pipe", "inherit"] });
  const [path] = (await once(child.stdout, "data")) as [Buffer];
  return { child, path: path.toString().trim() };
}

/** A system call made on the machine itself. */
function probe(...words: readonly string[]): string {
  return output([probeProgram(), "number", ...words]).trim();
}
