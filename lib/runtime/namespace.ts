/** The mapped namespace: one user namespace with every id the caller may give, as a descriptor. */
import { MarmitaError } from "../errors.ts";
import { HelperFailure, type UserNamespace } from "../native/helper.ts";
import { createUserNamespace } from "../native/user-namespace.ts";
import { hintFor } from "./hints.ts";
import { chooseIdMapping, type IdMapping, singleMapping } from "./id-maps.ts";

export interface OpenNamespaceOptions {
  /** `subids` rejects where there are none; `auto` falls back to one id and says why. */
  readonly ids?: "auto" | "subids" | "single" | undefined;
}

export interface MappedNamespace {
  /** The caller closes it. */
  readonly namespace: UserNamespace;
  readonly mapping: IdMapping;
}

/** What makes the namespace. Tests hand in their own. */
export interface NamespaceMaker {
  choose(ids: "auto" | "subids" | "single"): Promise<IdMapping>;
  create: typeof createUserNamespace;
}

const MODES = { subids: "helpers", root: "direct", single: "single" } as const;

/**
 * Throws `UNSUPPORTED` where this host lets no user namespace be made, with the cause as its hint
 * where it can be told.
 */
export async function openNamespace(
  { ids = "auto" }: OpenNamespaceOptions = {},
  maker: NamespaceMaker = { choose: chooseIdMapping, create: createUserNamespace },
): Promise<MappedNamespace> {
  const mapping = await maker.choose(ids);
  if (mapping.mode === "single" && ids === "subids") throw noSubordinates(mapping.reason);
  try {
    return { namespace: await create(mapping, maker), mapping };
  } catch (cause) {
    if (mapping.mode === "single") throw refused(cause);
    const why = words(cause);
    if (ids === "subids") throw noSubordinates(why, cause);
    return createSingle(mapping, `ids could not be mapped: ${why}`, maker);
  }
}

/** The helpers are there and fail: their setuid bit is lost, or an outer namespace is too small. */
async function createSingle(
  { uids, gids }: IdMapping,
  reason: string,
  maker: NamespaceMaker,
): Promise<MappedNamespace> {
  const [uid, gid] = [uids[0]?.outside ?? 0, gids[0]?.outside ?? 0];
  const mapping = singleMapping({ uid, gid }, reason);
  try {
    return { namespace: await create(mapping, maker), mapping };
  } catch (cause) {
    throw refused(cause);
  }
}

function create({ mode, uids, gids }: IdMapping, maker: NamespaceMaker): Promise<UserNamespace> {
  return maker.create({ mode: MODES[mode], uids, gids });
}

function words(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function noSubordinates(reason = "there are none", cause?: unknown): MarmitaError {
  return new MarmitaError("UNSUPPORTED", `no subordinate ids: ${reason}`, {
    step: "namespace",
    cause,
    hint: 'Leave out the option "ids", or give it as "single": one id is mapped then.',
  });
}

function refused(cause: unknown): MarmitaError {
  const message = `cannot make a user namespace: ${words(cause)}`;
  if (!(cause instanceof HelperFailure)) {
    return new MarmitaError("UNSUPPORTED", message, { step: "namespace", cause });
  }
  const { errno, what } = cause;
  const hint = hintFor({ step: "namespace", what, errno });
  return new MarmitaError("UNSUPPORTED", message, { step: "namespace", errno, hint, cause });
}
