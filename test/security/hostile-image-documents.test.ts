/** Manifests, indexes and configs of any shape: refused on purpose, and with nothing left behind. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { isMarmitaError } from "../../lib/errors.ts";
import { testEngine } from "../helpers/engine.ts";
import {
  Layout,
  type Members,
  archive,
  dockerMembers,
  image,
  named,
} from "../helpers/image-layouts.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

/** Deeper than any recursive reader goes. */
const DEEP = `${"[".repeat(500_000)}${"]".repeat(500_000)}`;
const LAYER = tarArchive([{ path: "file", content: "x" }]);
const NAME = named("hostile");

describe.runIf(requireUserNamespaces())("an image archive", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await testEngine();
  });

  describe("with a hostile document", () => {
    const whole = () => new Layout();
    const cases: readonly (readonly [string, () => Members])[] = [
      ["an index that is deep", () => withIndex(`{"manifests":${DEEP}}`)],
      ["an index that is a list", () => withIndex("[]")],
      ["an index that is null", () => withIndex("null")],
      ["an index of no JSON", () => withIndex("{")],
      ["an index with a deep descriptor", () => withIndex(`{"manifests":[{"digest":${DEEP}}]}`)],
      [
        "an index with a deep annotation",
        () => withIndex(`{"manifests":[{"annotations":${DEEP}}]}`),
      ],
      ["an index whose digest climbs", () => withDigest("sha256:../../../../etc/passwd")],
      ["an index whose digest is short", () => withDigest("sha256:00")],
      ["an index whose digest has capitals", () => withDigest(`sha256:${"A".repeat(64)}`)],
      ["an index whose digest ends with a newline", () => withDigest(`sha256:${"a".repeat(64)}\n`)],
      ["a size below zero", () => whole().done([{ ...manifest(), size: -1 }])],
      ["a size of a fraction", () => whole().done([{ ...manifest(), size: 0.5 }])],
      ["a size beyond all numbers", () => withIndex(index(`"size":1e999`))],
      ["a config that is deep", () => withConfig(DEEP)],
      [
        "a config whose rootfs is deep",
        () => withConfig(`{"architecture":"amd64","rootfs":${DEEP}}`),
      ],
      ["a config that is empty", () => withConfig("")],
      ["a config with deep labels", () => withConfig(`{"config":{"Labels":${DEEP}}}`)],
      ["a docker manifest that is deep", () => ({ "manifest.json": DEEP })],
      ["a docker manifest of nulls", () => ({ "manifest.json": "[null]" })],
      [
        "a docker manifest that climbs",
        () => ({ "manifest.json": '[{"Config":"../../../etc/passwd","Layers":["../x"]}]' }),
      ],
      [
        "a docker manifest of links that turn in circles",
        () => ({
          "manifest.json": '[{"Config":"a","Layers":["a"]}]',
          a: { link: "b" },
          b: { link: "a" },
        }),
      ],
      ["a reserved name", () => dockerMembers([{ ...image([LAYER]), tags: ["host:latest"] }])],
      [
        "a name that climbs",
        () => dockerMembers([{ ...image([LAYER]), tags: ["../../x:latest"] }]),
      ],
    ];

    it.each(cases)("%s is refused, and nothing is kept", async (_, members) => {
      const path = await archive(members());

      const error: unknown = await engine.images.load(path).catch((reason: unknown) => reason);

      expect(isMarmitaError(error) ? error.code : error).toMatch(
        /^(CORRUPT|UNSUPPORTED|INVALID_ARGUMENT)$/,
      );
      expect(await kept()).toEqual([]);
    });

    function manifest() {
      return new Layout().manifest(image([LAYER]), NAME);
    }

    function withIndex(text: string): Members {
      return { "oci-layout": '{"imageLayoutVersion":"1.0.0"}', "index.json": text };
    }

    function index(fields: string): string {
      const digest = `"digest":"sha256:${"a".repeat(64)}"`;
      return `{"manifests":[{"mediaType":"x",${digest},${fields}}]}`;
    }

    function withDigest(digest: string): Members {
      return withIndex(JSON.stringify({ manifests: [{ mediaType: "x", digest, size: 1 }] }));
    }

    function withConfig(config: string): Members {
      const layout = new Layout();
      return layout.done([layout.manifest({ config, layers: [LAYER] }, NAME)]);
    }
  });

  it.each([
    ["a command with a NUL", { Cmd: ["sh\0x"] }],
    ["a variable with a NUL", { Env: ["A=b\0c"], Cmd: ["sh"] }],
    ["a user with a NUL", { User: "root\0", Cmd: ["sh"] }],
    ["a directory with a NUL", { WorkingDir: "/a\0b", Cmd: ["sh"] }],
    ["a directory of 5,000 letters", { WorkingDir: `/${"a".repeat(5_000)}`, Cmd: ["sh"] }],
    ["a directory of 2,000 levels", { WorkingDir: "/a".repeat(2_000), Cmd: ["sh"] }],
    ["a user of a million letters", { User: "a".repeat(1_000_000), Cmd: ["sh"] }],
    ["a command of four million letters", { Cmd: ["a".repeat(4_000_000)] }],
    [
      "20,000 variables of one name",
      { Env: Array.from({ length: 20_000 }, () => "A=b"), Cmd: ["a"] },
    ],
    [
      "labels that are members of objects",
      { Labels: JSON.parse('{"__proto__":"x","constructor":"y"}') as object, Cmd: ["a"] },
    ],
    ["variables without a name", { Env: ["=x", "", "=", "A"], Cmd: ["a"] }],
  ])("whose config has %s fails in words, with nothing left", async (_, config) => {
    await engine.images.load(
      await archive(dockerMembers([{ ...image([LAYER], { config }), tags: ["odd"] }])),
    );

    const error: unknown = await run("odd", [], { engine, remove: true }).catch(
      (reason: unknown) => reason,
    );

    expect(isMarmitaError(error) ? error.code : error).toMatch(/^(INVALID_ARGUMENT|START_FAILED)$/);
    expect(await readdir(join(engine.root, "containers"))).toEqual([]);
    await engine.images.remove("odd");
  });

  /** Blobs, layers, drafts and names in the store. */
  async function kept(): Promise<readonly string[]> {
    const { root } = engine;
    const index = await readFile(join(root, "images/index.json"), "utf8").catch(() => "{}");
    const folders = ["images", "images/blobs/sha256", "layers"];
    const files = await Promise.all(
      folders.map((folder) => readdir(join(root, folder)).catch(() => [])),
    );
    const known = new Set(["blobs", "index.json", "oci-layout"]);
    return [
      ...files.flat().filter((name) => !known.has(name)),
      ...(index.includes("sha256:") ? ["index"] : []),
    ];
  }
});
