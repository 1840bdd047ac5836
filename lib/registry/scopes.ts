/** What a token is asked for: `repository:library/busybox:pull,push`. */

/** `type:name:actions`; the name may have colons of its own. */
export type Scope = string;

/** A registry that asks for more of them at once wants something else than to be asked. */
const MOST_OF_A_CHALLENGE = 16;
const SCOPE = /^[\x21-\x7e]+:[\x21-\x7e]+$/;

export const CATALOG: Scope = "registry:catalog:*";

export function repositoryScope(path: string, actions: readonly ("pull" | "push")[]): Scope {
  return `repository:${path}:${actions.join(",")}`;
}

/** The scopes of a challenge; what is malformed is left out. */
export function parseScopes(text: string | undefined): readonly Scope[] {
  const scopes = (text ?? "").split(" ").filter((scope) => scope !== "");
  return scopes.filter((scope) => SCOPE.test(scope)).slice(0, MOST_OF_A_CHALLENGE);
}

/** Each resource once, with all the actions asked for it; in one order, whatever theirs was. */
export function mergeScopes(...lists: readonly (readonly Scope[])[]): readonly Scope[] {
  const merged = new Map<string, Set<string>>();
  for (const scope of lists.flat()) {
    const colon = scope.lastIndexOf(":");
    const resource = scope.slice(0, Math.max(colon, 0));
    const actions = merged.get(resource) ?? new Set();
    for (const action of scope.slice(colon + 1).split(",")) actions.add(action);
    merged.set(resource, actions);
  }
  return [...merged]
    .map(([resource, actions]) => `${resource}:${[...actions].toSorted().join(",")}`)
    .toSorted();
}
