/** What is looked for in a registry, and what is found. */
import type { Credentials } from "./credentials.ts";

export interface SearchFilters {
  /** The most that the registry is asked for; filters leave less. From 1 to 100. Default: 25. */
  readonly limit?: number | undefined;
  /** Only official images of Docker Hub, or only others. */
  readonly isOfficial?: boolean | undefined;
  /** With at least so many stars. */
  readonly stars?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SearchOptions extends SearchFilters {
  /** In place of what is found in the files that `login` writes. */
  readonly auth?: Credentials | undefined;
  /** False: certificates are not checked, and plain HTTP will do. */
  readonly tlsVerify?: boolean | undefined;
}

export interface SearchResult {
  /** As for a pull: `busybox`, `registry.example.com:5000/team/box`. */
  readonly name: string;
  /** Empty where there is none: registries but Docker Hub tell only names. */
  readonly description: string;
  readonly starCount: number;
  readonly isOfficial: boolean;
}
