/** Further lines of /etc/hosts, as Docker's --add-host names them. */
import { isIP } from "node:net";
import { MarmitaError } from "../errors.ts";

export interface ExtraHost {
  readonly name: string;
  /** An IP address, or `host-gateway`. */
  readonly address: string;
}

/** Stands for the address by which a container reaches this machine. */
export const HOST_GATEWAY = "host-gateway";

/** `name:address` or `name=address`, IPv6 with or without brackets. Throws `INVALID_ARGUMENT`. */
export function parseExtraHost(text: string): ExtraHost {
  const [, name = "", given = ""] = /^([^:=]*)[:=](.*)$/s.exec(text) ?? [];
  const address = given.replace(/^\[(.*)\]$/s, "$1");
  if (name === "" || /\s/.test(name) || name.includes("\0")) {
    throw invalid(text, "expected NAME:ADDRESS");
  }
  if (address !== HOST_GATEWAY && isIP(address) === 0) {
    throw invalid(text, `invalid IP address: ${JSON.stringify(given)}`);
  }
  return { name, address };
}

function invalid(text: string, why: string): MarmitaError {
  return new MarmitaError("INVALID_ARGUMENT", `bad format for an extra host: ${why}`, {
    details: { value: text },
  });
}
