/** Failed connections in words, and what can be done about them. */
import { errnoWords } from "../util/errno.ts";
import type { Endpoint } from "./endpoints.ts";
import { ProxyRefusal, type RequestFailure, Silence, codeOf } from "./request-failure.ts";
import { isUnknownIssuer } from "./tls.ts";

const WORDS: Readonly<Record<string, string>> = {
  ENOTFOUND: "no host has this name",
  EAI_AGAIN: "the name server does not answer",
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host",
  HPE_HEADER_OVERFLOW: "its headers do not end",
};

/** Where nothing on this machine is at fault, as far as can be told. */
export const IN_TROUBLE =
  "The registry, or something on the way to it, is in trouble: try again later.";

export function failureWords({ error, stage, proxy }: RequestFailure, url: URL): string {
  const of = proxy === undefined ? "" : `proxy ${proxy}: `;
  if (error instanceof ProxyRefusal) {
    const why = error.status === 407 ? "it wants another user or password" : "it refused";
    return `${of}${why} (status ${error.status})`;
  }
  if (error instanceof Silence) {
    const what = stage === "connect" ? "no connection" : "no answer";
    return `${of}${what} within ${error.milliseconds / 1_000} s`;
  }
  const code = codeOf(error);
  if (isUnknownIssuer(error)) return `${of}nobody known here vouches for its certificate`;
  if (isNoTls(code, error)) return `${of}it does not speak TLS`;
  if (wantsCertificate(code)) return `${of}it does not take our certificate, or wants one`;
  const known = WORDS[code];
  if (known !== undefined) return of + known;
  if (code.startsWith("HPE_")) return `${of}what it speaks is not HTTP`;
  if (code === "ECONNRESET" && stage !== "connect") return `${of}it closed the connection`;
  if (/^E[A-Z]+$/.test(code) && errnoWords(code) !== code) return of + errnoWords(code);
  return of + plain(error, url);
}

/** The cause on this machine and what to do about it, where that can be told. */
export function failureHint(
  { error, stage, proxy }: RequestFailure,
  url: URL,
  { host }: Endpoint,
): string {
  if (proxy !== undefined) {
    return "The proxy is that of HTTPS_PROXY, HTTP_PROXY or ALL_PROXY; NO_PROXY names hosts to ask without it.";
  }
  const code = codeOf(error);
  if (isUnknownIssuer(error)) {
    return (
      `Put the authority's certificate into ~/.config/containers/certs.d/${host}/ca.crt, ` +
      `or name it as "ca" in registries.json.`
    );
  }
  if (isNoTls(code, error)) {
    return `Where that is meant, set "insecure": true for ${host} in registries.json, or use --tls-verify=false.`;
  }
  if (wantsCertificate(code)) {
    return `Put client.cert and client.key into ~/.config/containers/certs.d/${host}/.`;
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return otherNamesHint(error);
  if (code.startsWith("CERT_")) return "Look at the clock of this machine first.";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return "Check the name, and the name server in /etc/resolv.conf; behind a proxy, set HTTPS_PROXY.";
  }
  if (code === "EHOSTUNREACH" || code === "ENETUNREACH") {
    return "Is this machine connected? Where there is a proxy, set HTTPS_PROXY.";
  }
  if (code === "ECONNREFUSED") return `Nothing listens at ${url.host}: check host and port.`;
  if (stage === "connect" && error instanceof Silence) {
    return "A firewall may be in between; where there is a proxy, set HTTPS_PROXY.";
  }
  if (code === "HPE_INVALID_CONSTANT" && url.protocol === "http:") {
    return `It may speak TLS: take "insecure" from ${host} in registries.json.`;
  }
  return IN_TROUBLE;
}

/** What its certificate says of itself is as good as what it is worth: shown without odd letters. */
function otherNamesHint(error: unknown): string {
  const certificate: unknown = error instanceof Error ? Reflect.get(error, "cert") : undefined;
  const names: unknown =
    typeof certificate === "object" && certificate !== null
      ? Reflect.get(certificate, "subjectaltname")
      : undefined;
  if (typeof names !== "string") return "Use the name that its certificate is for.";
  const shown = names.replaceAll(/[^\w.*:, -]/g, "?").slice(0, 200);
  return `Use a name that its certificate is for: ${shown}.`;
}

/** Of OpenSSL 3: an answer to our greeting that is none. */
function isNoTls(code: string, error: unknown): boolean {
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG") {
    return true;
  }
  return code === "EPROTO" && /wrong version number|packet length too long/.test(textOf(error));
}

function wantsCertificate(code: string): boolean {
  return /^ERR_SSL_.*ALERT_(CERTIFICATE_REQUIRED|BAD_CERTIFICATE|HANDSHAKE_FAILURE|UNKNOWN_CA)/.test(
    code,
  );
}

/** The first line of what Node says, which has no secrets: it knows hosts and ports. */
function plain(error: unknown, url: URL): string {
  const [line = ""] = textOf(error).split("\n");
  const text = url.search === "" ? line : line.replaceAll(url.search, "");
  return text.slice(0, 200) || "the connection failed";
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : "";
}
