/** Pushes to a registry that misbehaves: every fault at every stage, once and for ever. */
import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { MANIFEST, dockerMembers, image } from "../../fixtures/layout-writer.mjs";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import type { ErrorCode } from "../../lib/errors.ts";
import {
  type Cell,
  LOGIN,
  type Outcome,
  type Work,
  complaints,
  runCells,
} from "../helpers/fault-matrix.ts";
import { archive } from "../helpers/image-layouts.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { randomBytesOf } from "../helpers/random.ts";
import type { Misdeed } from "../helpers/registry-misdeeds.ts";
import type { Stage } from "../helpers/registry-stages.ts";
import { requireRegistry, startRegistry } from "../helpers/registry.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const canRun = requireUserNamespaces() && requireRegistry();

/** In the order in which a push passes them. */
const STAGES: readonly Stage[] = [
  "token",
  "blob-head",
  "upload-start",
  "upload-patch",
  "upload-put",
  "manifest-put",
];
const UPLOADS = ["upload-patch", "upload-put", "manifest-put"] as const;
/** The registry does not take it; whose fault that is depends. */
const REFUSED: readonly ErrorCode[] = ["CORRUPT", "UNAVAILABLE", "INVALID_ARGUMENT"];
const OTHER = `sha256:${"0".repeat(64)}`;
const WRITES = ["upload-start", ...UPLOADS] as const;

/** What a registry in trouble does for a moment: a push gets over it. */
const TROUBLES: readonly (readonly [string, Misdeed, readonly Stage[]])[] = [
  ["ends the connection", { kind: "reset" }, STAGES],
  ["answers nothing", { kind: "silence" }, STAGES],
  ["sends headers without end", { kind: "endless-headers" }, STAGES],
  ["answers 500", { kind: "status", status: 500 }, STAGES],
  ["answers 503", { kind: "status", status: 503 }, STAGES],
  ["answers 429", { kind: "status", status: 429, headers: { "retry-after": "1" } }, STAGES],
  ["breaks off at once", { kind: "break", at: 0 }, ["token", ...UPLOADS]],
  ["breaks off in the middle", { kind: "break", at: 0.5 }, ["token", ...UPLOADS]],
  ["breaks off near the end", { kind: "break", at: 0.95 }, ["token", ...UPLOADS]],
  ["stalls in the middle", { kind: "stall", at: 0.5 }, ["token", ...UPLOADS]],
];

const LASTING: readonly (readonly [string, Misdeed, readonly Stage[], Cell["expected"]])[] = [
  ...TROUBLES.filter(([title]) => !title.includes("429")).map(
    ([title, does, stages]) => [title, does, stages, ["UNAVAILABLE"]] as const,
  ),
  ["speaks no HTTP", { kind: "garbage" }, STAGES, ["UNAVAILABLE"]],
  ["answers 401", status(401), STAGES, ["UNAUTHORIZED"]],
  ["answers 403", status(403), ["token", ...WRITES], ["DENIED"]],
  ["answers 404", status(404), WRITES, ["NOT_FOUND"]],
  ["answers 404", status(404), ["blob-head"], "right"],
  [
    "answers 429",
    { kind: "status", status: 429, headers: { "retry-after": "3600" } },
    STAGES,
    ["RATE_LIMITED"],
  ],
  ["answers 400", status(400), WRITES, REFUSED],
  ["answers 405", status(405), WRITES, [...REFUSED, "UNSUPPORTED"]],
  ["answers 413", status(413), WRITES, [...REFUSED, "UNSUPPORTED"]],
  ["answers 416", status(416), ["upload-patch", "upload-put"], REFUSED],
  ["receives another byte", { kind: "flip", at: 0.5 }, ["upload-patch"], REFUSED],
  ["says no location", header("location", undefined), ["upload-start"], ["CORRUPT"]],
  ["says an odd location", header("location", "http://[::"), ["upload-start"], ["CORRUPT"]],
  ["points to a file", header("location", "file:///etc/passwd"), ["upload-start"], ["CORRUPT"]],
  ["got another manifest", header("docker-content-digest", OTHER), ["manifest-put"], ["CORRUPT"]],
  ["names no digest", header("docker-content-digest", undefined), STAGES, "right"],
  ["redirects", { kind: "redirect" }, WRITES, ["CORRUPT", "UNAVAILABLE", "NOT_FOUND", "DENIED"]],
];

const CELLS: readonly Cell[] = [
  ...TROUBLES.flatMap(([title, does, stages]) =>
    stages.map((at) => ({
      name: `${title}, once: ${at}`,
      faults: [{ at, does }],
      expected: "right" as const,
    })),
  ),
  ...LASTING.flatMap(([title, does, stages, expected]) =>
    stages.map((at) => ({
      name: `${title}: ${at}`,
      faults: [{ at, does, times: Infinity }],
      expected,
    })),
  ),
];

describe.runIf(canRun)("a push to a registry that", () => {
  expectNothingLeft();

  let registry: string;
  let outcomes: ReadonlyMap<string, Promise<Outcome>>;

  beforeAll(async () => {
    registry = (await startRegistry()).url;
    const layers = [
      [{ path: "big", content: randomBytesOf(400_000) }],
      [{ path: "small", content: "x" }],
    ];
    const members = dockerMembers([{ ...image(layers.map(tarArchive)), tags: ["box:1"] }]);
    const path = await archive(members);
    outcomes = runCells(CELLS, {
      registry,
      mostRequests: 60, // of three blobs
      prepare: async ({ engine }) => void (await engine.images.load(path)),
      act: push,
      look,
    });
  });

  it.each(CELLS.map((cell) => [cell.name, cell] as const))(
    "%s",
    { timeout: 300_000 },
    async (...[, cell]) => {
      expect(complaints(cell, await outcomes.get(cell.name)!)).toBe("");
    },
  );

  async function push({ engine, proxy, onProgress, id }: Work): Promise<void> {
    const name = `${proxy.host}/${id}:1`;
    await engine.images.tag("box:1", name);
    const { digest } = await engine.images.push(name, { auth: LOGIN, onProgress });

    const manifest = await fetched(`${id}/manifests/1`);
    expect(digestOf(manifest!)).toBe(digest);
    const { config, layers } = JSON.parse(manifest!.toString()) as Record<"config", Blob> &
      Record<"layers", Blob[]>;
    for (const blob of [config, ...layers]) {
      expect(digestOf((await fetched(`${id}/blobs/${blob.digest}`))!)).toBe(blob.digest);
    }
  }

  /** What was uploaded may stay there: nobody sees it without a manifest. */
  async function look({ id, proxy }: Work): Promise<readonly string[]> {
    const isTaken = proxy.seen.some(({ stage, status: code }) => {
      return stage === "manifest-put" && code === 201; // whatever it said of it then
    });
    if (isTaken) return [];
    return (await fetched(`${id}/manifests/1`)) === undefined ? [] : ["the manifest is there"];
  }

  async function fetched(path: string): Promise<Buffer | undefined> {
    const answer = await fetch(`${registry}/v2/${path}`, { headers: { accept: MANIFEST } });
    const body = Buffer.from(await answer.arrayBuffer());
    return answer.status === 200 ? body : undefined;
  }
});

interface Blob {
  readonly digest: string;
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function status(code: number): Misdeed {
  return { kind: "status", status: code };
}

function header(name: string, value: string | undefined): Misdeed {
  return { kind: "header", name, value };
}
