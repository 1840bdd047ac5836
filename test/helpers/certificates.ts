/** Certificates made for a test, by an authority of its own, with openssl. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { output } from "./command.ts";
import { temporaryFolder } from "./folder.ts";

/** Paths of PEM files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateOptions {
  /** Whom it is for. Default: `127.0.0.1`, `::1` and `localhost`. */
  readonly hosts?: readonly string[];
  /** From now on; with -1 it has expired. Default: 7. */
  readonly days?: number;
}

const NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
const LOOPBACK = ["127.0.0.1", "::1", "localhost"];

export class Authority {
  /** The path of its own certificate. */
  readonly ca: string;
  readonly #folder: string;
  #issued = 0;

  constructor(folder: string) {
    this.#folder = folder;
    this.ca = join(folder, "ca.pem");
    this.#openssl(`req -x509 ${NEW_KEY} -days 7 -subj /CN=authority -keyout ca.key -out ca.pem`);
  }

  /** Its text. */
  get pem(): string {
    return readFileSync(this.ca, "utf8");
  }

  /** Good for servers and for clients. */
  issue({ hosts = LOOPBACK, days = 7 }: CertificateOptions = {}): Certificate {
    const name = `issued-${++this.#issued}`;
    const alternatives = hosts.map((host) => `${/^[\d.]+$|:/.test(host) ? "IP" : "DNS"}:${host}`);
    const extensions = join(this.#folder, `${name}.ext`);
    writeFileSync(extensions, `subjectAltName=${alternatives.join(",")}\n`);
    this.#openssl(`req -new ${NEW_KEY} -subj /CN=${name} -keyout ${name}.key -out ${name}.csr`);
    const by = "-CA ca.pem -CAkey ca.key -CAcreateserial";
    const validity = `-extfile ${name}.ext -days ${days}`;
    this.#openssl(`x509 -req -in ${name}.csr ${by} ${validity} -out ${name}.cert`);
    return {
      cert: join(this.#folder, `${name}.cert`),
      key: join(this.#folder, `${name}.key`),
    };
  }

  #openssl(words: string): void {
    output(["openssl", ...words.split(" ")], { cwd: this.#folder });
  }
}

/** Its files go with the tests of the file. */
export async function makeAuthority(): Promise<Authority> {
  return new Authority(await temporaryFolder());
}
