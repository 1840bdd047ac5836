/** Pulls from a registry that misbehaves: every fault at every stage, once and for ever. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { image } from "../../fixtures/layout-writer.mjs";
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
import type { Fault } from "../helpers/fault-proxy.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { randomBytesOf } from "../helpers/random.ts";
import { putImage, putIndex } from "../helpers/registry-images.ts";
import type { Misdeed } from "../helpers/registry-misdeeds.ts";
import type { Stage } from "../helpers/registry-stages.ts";
import { requireRegistry, startRegistry } from "../helpers/registry.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const canRun = requireUserNamespaces() && requireRegistry();

/** Of a layer: it does not get smaller. */
const CONTENT = randomBytesOf(400_000);

/** In the order in which a pull passes them. */
const STAGES: readonly Stage[] = [
  "token",
  "manifest-head",
  "manifest-tag",
  "manifest-digest",
  "config",
  "blob",
];
const FETCHED = STAGES.filter((stage) => stage !== "manifest-head");

/** What a registry in trouble does for a moment: a pull gets over it. */
const TROUBLES: readonly (readonly [string, Misdeed, readonly Stage[]])[] = [
  ["ends the connection", { kind: "reset" }, STAGES],
  ["answers nothing", { kind: "silence" }, STAGES],
  ["sends headers without end", { kind: "endless-headers" }, STAGES],
  ["answers 500", { kind: "status", status: 500 }, STAGES],
  ["answers 502", { kind: "status", status: 502 }, ["blob"]],
  ["answers 503", { kind: "status", status: 503 }, STAGES],
  ["answers 429", { kind: "status", status: 429, headers: { "retry-after": "1" } }, STAGES],
  ["breaks off at once", { kind: "break", at: 0 }, ["token", "blob"]],
  ["breaks off in the middle", { kind: "break", at: 0.5 }, FETCHED],
  ["breaks off near the end", { kind: "break", at: 0.95 }, ["token", "blob"]],
  ["stalls at once", { kind: "stall", at: 0 }, ["token", "blob"]],
  ["stalls in the middle", { kind: "stall", at: 0.5 }, FETCHED],
  ["stalls near the end", { kind: "stall", at: 0.95 }, ["token", "blob"]],
];

/** Those that last, and what is said of them then. */
const LASTING: readonly (readonly [string, Misdeed, readonly Stage[], readonly ErrorCode[]])[] = [
  ...TROUBLES.filter(([title]) => !title.includes("429")).map(
    ([title, does, stages]) => [title, does, stages, ["UNAVAILABLE"]] as const,
  ),
  ["speaks no HTTP", { kind: "garbage" }, STAGES, ["UNAVAILABLE"]],
  ["answers 401", { kind: "status", status: 401 }, STAGES, ["UNAUTHORIZED"]],
  ["answers 403", { kind: "status", status: 403 }, STAGES, ["DENIED"]],
  ["answers 404", { kind: "status", status: 404 }, FETCHED.slice(1), ["NOT_FOUND"]],
  ["answers 404", { kind: "status", status: 404 }, ["token"], ["CORRUPT"]],
  [
    "answers 429",
    { kind: "status", status: 429, headers: { "retry-after": "3600" } },
    STAGES,
    ["RATE_LIMITED"],
  ],
  ["answers 418", { kind: "status", status: 418 }, STAGES, ["CORRUPT", "UNAVAILABLE"]],
];

/** Lies: they are told at once, or do no harm. */
const BY_TAG = ["manifest-tag"] as const;
const BY_DIGEST = ["manifest-digest"] as const;
const DOCUMENTS = [...BY_TAG, ...BY_DIGEST];
const LIES: readonly (readonly [string, Misdeed, readonly Stage[], Cell["expected"]])[] = [
  ["sends too little", { kind: "resize", by: -7 }, [...DOCUMENTS, "config", "blob"], ["CORRUPT"]],
  ["sends too much", { kind: "resize", by: 7 }, [...DOCUMENTS, "config", "blob"], ["CORRUPT"]],
  ["sends another byte", { kind: "flip", at: 0.5 }, ["config", "blob"], ["CORRUPT"]],
  ["sends another byte", { kind: "flip", at: 0.5 }, DOCUMENTS, ["CORRUPT"]],
  ["never ends a body", { kind: "endless" }, [...DOCUMENTS, "config", "blob"], ["CORRUPT"]],
  ["lies about a digest", header("docker-content-digest", digest("0")), BY_TAG, ["CORRUPT"]],
  // They are asked for by digest, and have it.
  ["lies about a digest", header("docker-content-digest", digest("0")), BY_DIGEST, "right"],
  ["names no digest", header("docker-content-digest", undefined), STAGES.slice(1), "right"],
  ["gives a digest no form", header("docker-content-digest", "../.."), DOCUMENTS, "right"],
  ["lies about a type", header("content-type", "text/html"), DOCUMENTS, ["CORRUPT", "UNSUPPORTED"]],
  ["names no type", header("content-type", undefined), DOCUMENTS, "right"],
  ["calls blobs something else", header("content-type", "text/html"), ["config", "blob"], "right"],
  [
    "says it encodes what it does not",
    header("content-encoding", "gzip"),
    STAGES.slice(1),
    "right",
  ],
  ["names no length", header("content-length", undefined), ["config", "blob"], "right"],
];

/** Storage elsewhere, as the large registries have it. */
const REDIRECTS: readonly Cell[] = [
  cell("redirects blobs", [["blob", { kind: "redirect" }]], "right"),
  cell("redirects configs and blobs", [[["config", "blob"], { kind: "redirect" }]], "right"),
  ...["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1:70/_x", "data:,x", "//"].map(
    (to) => cell(`redirects blobs to ${to}`, [["blob", { kind: "redirect", to }]], ["CORRUPT"]),
  ),
  cell(
    "redirects blobs to who is not there",
    [["blob", { kind: "redirect", to: "http://127.0.0.1:1/x?signature=x" }]],
    ["UNAVAILABLE"],
  ),
  cell("redirects in a circle", [["blob", { kind: "redirect", to: "" }]], ["CORRUPT"]),
  ...(["reset", "silence", "garbage"] as const).map((kind) =>
    cell(
      `redirects blobs to one who fails: ${kind}`,
      [
        ["blob", { kind: "redirect" }],
        ["elsewhere", { kind }],
      ],
      ["UNAVAILABLE"],
    ),
  ),
  ...[400, 403, 404, 500].map((status) =>
    cell(
      `redirects blobs to one who answers ${status}`,
      [
        ["blob", { kind: "redirect" }],
        ["elsewhere", { kind: "status", status }],
      ],
      ["DENIED", "NOT_FOUND", "UNAVAILABLE", "CORRUPT"],
    ),
  ),
  {
    name: "redirects blobs to one who breaks off once",
    faults: [
      { at: "blob", does: { kind: "redirect" }, times: Infinity },
      { at: "elsewhere", does: { kind: "break", at: 0.5 } },
    ],
    expected: "right",
  },
];

/** A manifest is asked for by its tag only where HEAD does not say its digest. */
const SILENT_HEAD: Fault = {
  at: "manifest-head",
  does: header("docker-content-digest", undefined),
  times: Infinity,
};

const CELLS: readonly Cell[] = [
  ...TROUBLES.flatMap(([title, does, stages]) =>
    stages.map((at) => ({
      name: `${title}, once: ${at}`,
      faults: [...(at === "manifest-tag" ? [SILENT_HEAD] : []), { at, does }],
      expected: "right" as const,
    })),
  ),
  ...[...LASTING, ...LIES].flatMap(([title, does, stages, expected]) =>
    stages.map((stage) => cell(`${title}: ${stage}`, [[stage, does]], expected)),
  ),
  ...REDIRECTS,
];

describe.runIf(canRun)("a pull from a registry that", () => {
  expectNothingLeft();

  let outcomes: ReadonlyMap<string, Promise<Outcome>>;

  beforeAll(async () => {
    const { url } = await startRegistry();
    const layers = [[{ path: "big", content: CONTENT }], [{ path: "small", content: "x" }]];
    const made = await putImage(url, "box", "one", image(layers.map(tarArchive)));
    await putIndex(url, "box", "1", made);
    outcomes = runCells(CELLS, { registry: url, mostRequests: 30, act: pull, look });
  });

  it.each(CELLS.map((one) => [one.name, one] as const))(
    "%s",
    { timeout: 300_000 },
    async (...[, one]) => {
      expect(complaints(one, await outcomes.get(one.name)!)).toBe("");
    },
  );
});

async function pull({ engine, proxy, onProgress }: Work): Promise<void> {
  const { digest, id } = await engine.images.pull(`${proxy.host}/box:1`, {
    auth: LOGIN,
    onProgress,
  });
  const found = await engine.images.get(`${proxy.host}/box:1`);
  expect({ digest: found.digest, id: found.id }).toEqual({ digest, id });
  const [first] = found.layers;
  const unpacked = join(engine.root, "layers", first!.chainId.slice("sha256:".length), "diff/big");
  expect(readFileSync(unpacked).equals(CONTENT)).toBe(true);
}

/** Downloads may be kept for the next pull; anything else is a part of an image. */
async function look({ engine }: Work): Promise<readonly string[]> {
  const names = (await engine.images.list()).flatMap((found) => found.names);
  const { root } = engine;
  const kept = ["images/blobs/sha256", "images", "layers"].flatMap((folder) =>
    entriesOf(join(root, folder)).map((name) => `${folder}/${name}`),
  );
  const expected = /^images\/(?:blobs|downloads|index\.json|oci-layout)$/;
  return [...names, ...kept.filter((name) => !expected.test(name))];
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** For ever. */
function cell(
  name: string,
  faults: readonly (readonly [Stage | readonly Stage[], Misdeed])[],
  expected: Cell["expected"],
): Cell {
  const all = faults.map(([at, does]) => ({ at, does, times: Infinity }));
  const isByTag = faults.some(([at]) => at === "manifest-tag");
  return { name, faults: [...(isByTag ? [SILENT_HEAD] : []), ...all], expected };
}

function header(name: string, value: string | undefined): Misdeed {
  return { kind: "header", name, value };
}

function digest(digit: string): string {
  return `sha256:${digit.repeat(64)}`;
}
