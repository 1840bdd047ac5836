/** What a client wants of a registry, told by its request (distribution-spec 1.1, "Endpoints"). */

export type Stage =
  | "ping"
  | "token"
  | "catalog"
  | "tags"
  | "referrers"
  /** HEAD of a manifest, by tag or digest. */
  | "manifest-head"
  | "manifest-tag"
  | "manifest-digest"
  | "manifest-put"
  | "blob-head"
  /** GET of a blob that a manifest called its config. */
  | "config"
  | "blob"
  /** GET of a blob at the host that the registry redirects to. */
  | "elsewhere"
  | "mount"
  | "upload-start"
  | "upload-status"
  | "upload-patch"
  | "upload-put"
  | "other";

const ENDPOINTS: readonly (readonly [method: RegExp, path: RegExp, stage: Stage])[] = [
  [/GET/, /^\/token$/, "token"],
  [/GET|HEAD/, /^\/v2\/?$/, "ping"],
  [/GET/, /^\/v2\/_catalog$/, "catalog"],
  [/GET/, /^\/v2\/.+\/tags\/list$/, "tags"],
  [/GET/, /^\/v2\/.+\/referrers\//, "referrers"],
  [/HEAD/, /^\/v2\/.+\/manifests\//, "manifest-head"],
  [/GET/, /^\/v2\/.+\/manifests\/[^/]+:/, "manifest-digest"],
  [/GET/, /^\/v2\/.+\/manifests\//, "manifest-tag"],
  [/PUT/, /^\/v2\/.+\/manifests\//, "manifest-put"],
  [/POST/, /^\/v2\/.+\/blobs\/uploads\/$/, "upload-start"],
  [/GET/, /^\/v2\/.+\/blobs\/uploads\//, "upload-status"],
  [/PATCH/, /^\/v2\/.+\/blobs\/uploads\//, "upload-patch"],
  [/PUT/, /^\/v2\/.+\/blobs\/uploads\//, "upload-put"],
  [/HEAD/, /^\/v2\/.+\/blobs\//, "blob-head"],
  [/GET/, /^\/v2\/.+\/blobs\//, "blob"],
];

/** `configs`: digests that manifests have named as configs so far. */
export function stageOf(method: string, url: URL, configs: ReadonlySet<string>): Stage {
  const row = ENDPOINTS.find(([m, path]) => m.test(method) && path.test(url.pathname));
  const stage = row?.[2] ?? "other";
  if (stage === "blob" && configs.has(digestIn(url))) return "config";
  if (stage === "upload-start" && url.searchParams.has("mount")) return "mount";
  return stage;
}

/** Of the blob that a path ends with. */
function digestIn(url: URL): string {
  return url.pathname.slice(url.pathname.lastIndexOf("/") + 1);
}
