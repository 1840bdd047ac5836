/** docs/runtime-spec.md has a row for every property that is read, and for no other. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isMarmitaError } from "../../../lib/errors.ts";
import { refuseVersion1 } from "../../../lib/bundles/cgroup-resources.ts";
import { parseRuntimeSpec } from "../../../lib/oci/parse-runtime-spec.ts";
import { runtimeSpec } from "../../../lib/oci/spec-shapes.ts";
import { refuseBundle } from "../../../lib/runtime/refuse-bundle.ts";

interface Row {
  readonly properties: readonly string[];
  readonly support: string;
}

const ROWS: readonly Row[] = readFileSync("docs/runtime-spec.md", "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => {
    const [, names = "", support = ""] = line.split("|");
    return {
      properties: [...names.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name),
      support: support.trim(),
    };
  });

const PROPERTIES = runtimeSpec.properties.map((path) => path.slice(1));

function covers(name: string, property: string): boolean {
  if (!name.endsWith(".*")) return name === property;
  const whole = name.slice(0, -2);
  return (
    property === whole || (/^[.[]/.test(property.slice(whole.length)) && property.startsWith(whole))
  );
}

describe("the table of properties", () => {
  it("has each property in one row", () => {
    const counts = PROPERTIES.map((property) => {
      const rows = ROWS.filter((row) => row.properties.some((name) => covers(name, property)));
      return [property, rows.length] as const;
    });

    expect(counts.filter(([, count]) => count !== 1)).toEqual([]);
  });

  it("has no other", () => {
    const names = ROWS.flatMap((row) => row.properties);

    expect(names.filter((name) => !PROPERTIES.some((one) => covers(name, one)))).toEqual([]);
  });

  it("knows three ways", () => {
    const ways = new Set(ROWS.map(({ support }) => support));

    expect(ways).toEqual(new Set(["carried out", "passed over", "refused"]));
  });

  it.for(refused())("refuses %s by its name", (property) => {
    const spec = { ...LEAST, ...nested(property) };

    expect(String(refusal(JSON.stringify(spec))).replaceAll("[0]", "[]")).toBe(property);
  });
});

const LEAST = {
  ociVersion: "1.2.0",
  root: { path: "rootfs" },
  process: { user: { uid: 0, gid: 0 }, args: ["sh"], cwd: "/" },
};

/** What asks for something, where it is no number. */
const VALUES: Readonly<Record<string, unknown>> = {
  "linux.resources.memory.disableOOMKiller": true,
  "linux.resources.memory.useHierarchy": false,
  "linux.resources.network.priorities": [{ name: "a", priority: 1 }],
  "linux.intelRdt": {},
  "linux.netDevices": { eth0: {} },
  "linux.memoryPolicy": { mode: "MPOL_DEFAULT" },
};

/** The properties that are refused, but for objects that are so for what is in them. */
function refused(): readonly string[] {
  const names = ROWS.filter(({ support }) => support === "refused").flatMap(
    (row) => row.properties,
  );
  return PROPERTIES.filter((property) => {
    const isWhole =
      property === "linux.resources.network" || property.startsWith("linux.intelRdt.");
    const isPart = property.includes("priorities[]");
    return !isWhole && !isPart && names.some((name) => covers(name, property));
  });
}

function nested(property: string): object {
  const names = property.split(".");
  const value = VALUES[property] ?? 1;
  const whole = names.reduceRight<unknown>((inner, name) => {
    if (!name.endsWith("[]")) return { [name]: inner };
    return { [name.slice(0, -2)]: [{ major: 8, minor: 0, ...(inner as object) }] };
  }, value) as { linux: object };
  return { linux: { namespaces: [{ type: "mount" }], ...whole.linux } };
}

function refusal(text: string): unknown {
  try {
    const spec = parseRuntimeSpec(text);
    refuseBundle(spec, { kind: "none" });
    refuseVersion1(spec.linux.resources ?? {});
    return "nothing";
  } catch (error) {
    return isMarmitaError(error, "UNSUPPORTED") ? error.details["field"] : error;
  }
}
