/** A descriptor: the type, digest and size of a blob, and the platform it is for. */
import { type JsonObject, JsonReader } from "../util/json.ts";
import { type Digest, parseDigest } from "./digest.ts";
import { type Platform, parsePlatform } from "./platform.ts";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly platform?: Platform | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly artifactType?: string | undefined;
}

/** Throws `CORRUPT`, or `UNSUPPORTED` for a digest that is not sha256. */
export function parseDescriptor(json: unknown, what = "descriptor"): Descriptor {
  const fields = new JsonReader(json, what);
  const platform = fields.findObject("platform", parsePlatform);
  const annotations = fields.findTextMap("annotations");
  const artifactType = fields.findText("artifactType");
  return {
    mediaType: fields.text("mediaType"),
    digest: parseDigest(fields.text("digest"), `${what}: "digest"`),
    size: fields.size("size"),
    ...(platform && { platform }),
    ...(annotations && { annotations }),
    ...(artifactType !== undefined && { artifactType }),
  };
}

/** A descriptor as it is written in JSON, without anything we do not know. */
export function descriptorJson(descriptor: Descriptor): JsonObject {
  const { mediaType, digest, size, platform, annotations, artifactType } = descriptor;
  return {
    mediaType,
    digest,
    size,
    ...(artifactType !== undefined && { artifactType }),
    ...(platform && { platform }),
    ...(annotations && Object.keys(annotations).length > 0 && { annotations }),
  };
}
