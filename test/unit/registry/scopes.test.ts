import { describe, expect, it } from "vitest";
import { mergeScopes, parseScopes, repositoryScope } from "../../../lib/registry/scopes.ts";

describe("repositoryScope", () => {
  it("names a repository and what is to be done with it", () => {
    expect(repositoryScope("library/busybox", ["pull", "push"])).toBe(
      "repository:library/busybox:pull,push",
    );
  });
});

describe("parseScopes", () => {
  it("reads those between blanks", () => {
    expect(parseScopes("repository:a:pull  registry:catalog:*")).toEqual([
      "repository:a:pull",
      "registry:catalog:*",
    ]);
  });

  it("leaves out what is none", () => {
    expect(parseScopes("pull repository:ä:pull repository:a\r\nx:pull :")).toEqual([]);
  });

  it("reads no more than a few", () => {
    expect(parseScopes("repository:a:pull ".repeat(1_000)).length).toBe(16);
  });
});

describe("mergeScopes", () => {
  it("has each resource once, with all actions", () => {
    const merged = mergeScopes(
      ["repository:b:push", "repository:a:pull"],
      ["repository:b:pull,push"],
    );

    expect(merged).toEqual(["repository:a:pull", "repository:b:pull,push"]);
  });

  it("takes the last colon for that before the actions", () => {
    expect(mergeScopes(["repository:host:5000/a:pull"])).toEqual(["repository:host:5000/a:pull"]);
  });
});
