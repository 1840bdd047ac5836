import { describe, expect, it } from "vitest";
import { Downloads } from "../../../lib/images/downloads.ts";
import type { ImageContent } from "../../../lib/images/image.ts";
import type { TransferProgress } from "../../../lib/images/progress.ts";
import { fetchLayers } from "../../../lib/images/pulled-layers.ts";
import type { BlobSource } from "../../../lib/images/receive.ts";
import type { LayerSource } from "../../../lib/layers/unpack.ts";
import { type Digest, digestOf } from "../../../lib/oci/digest.ts";
import { MANIFEST, layerType } from "../../../lib/oci/media-types.ts";
import { fakeStore } from "./fake-store.ts";

/** Downloads that are there at once. */
class QuickDownloads extends Downloads {
  readonly fetched: Digest[] = [];

  override async fetch(_: BlobSource, { digest }: { readonly digest: Digest }) {
    this.fetched.push(digest);
    return "downloaded" as const;
  }
}

function contentOf(names: readonly string[]): ImageContent {
  const layers = names.map((name) => {
    const digest = digestOf(Buffer.from(name));
    const descriptor = { mediaType: layerType("gzip"), digest, size: name.length };
    return { chainId: digest, diffId: digest, descriptor };
  });
  const id = digestOf(Buffer.from("config"));
  const config = { mediaType: "application/json", digest: id, size: 6 };
  const descriptors = layers.map(({ descriptor }) => descriptor);
  const manifest = { schemaVersion: 2, mediaType: MANIFEST, config, layers: descriptors } as const;
  return { id, digest: id, manifest, layers, config: {} as ImageContent["config"] };
}

describe("fetchLayers", () => {
  it("ends whoever waits for a layer when it is aborted between two downloads", async () => {
    const store = await fakeStore();
    const downloads = new QuickDownloads(store);
    const abort = new AbortController();
    store.layers.prepareAll = async ([sources = []]: readonly (readonly LayerSource[])[]) => {
      await Promise.all(sources.map(async ({ growing }) => growing?.whole));
      throw new Error("nobody was to come so far");
    };
    const tell = ({ phase }: TransferProgress) => {
      if (phase === "downloaded") abort.abort();
    };

    const fetching = fetchLayers(store.layers, contentOf(["a", "b"]), {
      downloads,
      source: { openBlob: () => Promise.reject(new Error("it is not asked")) },
      draft: store.paths.root,
      tell,
      atOnce: 1,
      signal: abort.signal,
    });

    await expect(fetching).rejects.toMatchObject({ name: "AbortError" });
    expect(downloads.fetched).toHaveLength(1);
  });
});
