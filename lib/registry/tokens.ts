/** The short-lived tokens of registries: fetched from their realm, kept until they expire. */
import { createHash } from "node:crypto";
import { MarmitaError } from "../errors.ts";
import { type JsonObject, isJsonObject } from "../util/json.ts";
import { SharedWork } from "../util/shared-work.ts";
import type { Credentials } from "./credentials.ts";
import type { Endpoint } from "./endpoints.ts";
import type { Scope } from "./scopes.ts";
import type { Transport, WireResponse } from "./transport.ts";

/** Where a token is to be had, as a challenge says. */
export interface Realm {
  readonly url: URL;
  readonly service: string | undefined;
}

export interface TokenRequest {
  readonly realm: Realm;
  readonly scopes: readonly Scope[];
  /** None: the token of somebody unknown. */
  readonly credentials: Credentials | undefined;
  /** The registry that named the realm: its settings count there too. */
  readonly endpoint: Endpoint;
  /** Also ask for a token that can be kept in the place of the password. */
  readonly offline?: boolean;
}

export interface Token {
  readonly text: string;
  /** In milliseconds of `performance.now()`. */
  readonly fetchedAtMs: number;
  readonly expiresAtMs: number;
  /** To keep in the place of the password, where it was asked for and given. */
  readonly identityToken?: string;
}

export interface TokensOptions {
  readonly transport: Pick<Transport, "request">;
  /** The clock, in milliseconds. Default: `performance.now()`. */
  readonly now?: () => number;
}
