/** What happens to volumes is noted, in Docker's words. */
import type { Paths } from "../store/paths.ts";
import { record } from "./events.ts";

export function recordVolume(paths: Paths, action: "create" | "destroy", name: string): void {
  record({ paths }, { type: "volume", action, id: name, attributes: { driver: "local" } });
}

export function recordVolumePrune(paths: Paths, reclaimedBytes: number): void {
  const attributes = { reclaimed: String(reclaimedBytes) };
  record({ paths }, { type: "volume", action: "prune", id: "", attributes });
}
