/** What a container reads as /etc/hosts, /etc/hostname and /etc/resolv.conf. */
import { readFile } from "node:fs/promises";

export interface HostFiles {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
}

export interface HostFilesInput {
  readonly network: "none" | "host";
  readonly hostname: string;
}

/** moby, daemon/libnetwork/etchosts/etchosts.go. */
const LOCAL_HOSTS = [
  "127.0.0.1\tlocalhost",
  "::1\tlocalhost ip6-localhost ip6-loopback",
  "fe00::\tip6-localnet",
  "ff00::\tip6-mcastprefix",
  "ff02::1\tip6-allnodes",
  "ff02::2\tip6-allrouters",
];

/** With network `host` the files of this machine, else what holds where nobody can be reached. */
export async function hostFiles(
  { network, hostname }: HostFilesInput,
  read: (path: string) => Promise<string | undefined> = readOptional,
): Promise<HostFiles> {
  if (network === "host") {
    const hosts = (await read("/etc/hosts")) ?? localHosts(hostname);
    const resolvConf = (await read("/etc/resolv.conf")) ?? "";
    return { hosts, hostname: `${hostname}\n`, resolvConf };
  }
  return { hosts: localHosts(hostname), hostname: `${hostname}\n`, resolvConf: "" };
}

/** The container's own name is found too, or sudo and others wait for a name server. */
function localHosts(hostname: string): string {
  return [...LOCAL_HOSTS, `127.0.1.1\t${hostname}`, ""].join("\n");
}

function readOptional(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}
