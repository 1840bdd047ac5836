import { describe, expect, it } from "vitest";
import {
  type Document,
  dockerDocuments,
  layoutDocuments,
} from "../../../lib/images/archive-documents.ts";
import { type Digest, digestOf, hexOf } from "../../../lib/oci/digest.ts";
import { MANIFEST } from "../../../lib/oci/media-types.ts";

const path = (digest: Digest) => `blobs/sha256/${hexOf(digest)}`;
const [config, bottom, top, bytes] = ["config", "bottom", "top", "manifest"].map(digestOf) as [
  Digest,
  Digest,
  Digest,
  Digest,
];
const descriptor = { mediaType: MANIFEST, digest: bytes, size: 8 };
const lunch = {
  names: ["lunch:1", "registry.example.com:5000/me/lunch:latest"],
  descriptor,
  config,
  layers: [bottom, top],
};
const nameless = { ...lunch, names: [] };

function json(documents: readonly Document[], name: string): unknown {
  const found = documents.find((each) => each.name === name);
  return found && JSON.parse(found.bytes.toString());
}

describe("the documents of an archive", () => {
  it("are those of an OCI layout, with a line for each name", () => {
    const documents = layoutDocuments([lunch]);

    expect(json(documents, "oci-layout")).toEqual({ imageLayoutVersion: "1.0.0" });
    expect(json(documents, "index.json")).toMatchObject({
      schemaVersion: 2,
      manifests: [
        {
          ...descriptor,
          annotations: {
            "io.containerd.image.name": "docker.io/library/lunch:1",
            "org.opencontainers.image.ref.name": "lunch:1",
          },
        },
        {
          ...descriptor,
          annotations: {
            "io.containerd.image.name": "registry.example.com:5000/me/lunch:latest",
            "org.opencontainers.image.ref.name": "registry.example.com:5000/me/lunch:latest",
          },
        },
      ],
    });
  });

  it("list an image without a name, too", () => {
    expect(json(layoutDocuments([nameless]), "index.json")).toMatchObject({
      manifests: [descriptor],
    });
  });

  it("are those of docker save, with the same files", () => {
    const documents = dockerDocuments([lunch, nameless]);

    const layers = [path(bottom), path(top)];
    expect(json(documents, "manifest.json")).toEqual([
      {
        Config: path(config),
        RepoTags: ["docker.io/library/lunch:1", "registry.example.com:5000/me/lunch:latest"],
        Layers: layers,
      },
      { Config: path(config), RepoTags: null, Layers: layers },
    ]);
    expect(json(documents, "repositories")).toEqual({
      lunch: { "1": hexOf(top) },
      "registry.example.com:5000/me/lunch": { latest: hexOf(top) },
    });
  });

  it("have no list of names when there are none", () => {
    expect(json(dockerDocuments([nameless]), "repositories")).toBeUndefined();
  });
});
