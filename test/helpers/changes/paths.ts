/** Paths of a part of a tree. */

/** `path` seen from `place`: "/" is the place itself. Undefined when it is elsewhere. */
export function below(path: string, place: string): string | undefined {
  if (path === place) return "/";
  if (place === "") return `/${path}`;
  return path.startsWith(`${place}/`) ? path.slice(place.length) : undefined;
}
