import { describe, expect, it } from "vitest";
import { parseFlags } from "../../../lib/cli/flags.ts";
import { ps } from "../../../lib/cli/ps.ts";
import { containerFilters } from "../../../lib/cli/ps-filters.ts";

function parse(...filters: string[]) {
  return containerFilters(
    parseFlags(
      ps,
      filters.map((filter) => `-f=${filter}`),
    ),
  );
}

describe("the filters of ps", () => {
  it("are all of Docker's", () => {
    const { filters, none } = parse(
      "ancestor=busybox",
      "before=web",
      "exited=1",
      "exited=-1",
      "expose=80",
      "health=none",
      "id=ab",
      "label=a",
      "label=b=1",
      "name=^web",
      "network=host",
      "since=db",
      "status=exited",
      "status=dead",
      "volume=data",
      "is-task=false",
    );

    expect(none).toBe(false);
    expect(filters).toEqual({
      ancestors: ["busybox"],
      before: "web",
      exitCodes: [1, -1],
      exposed: ["80"],
      health: ["none"],
      ids: ["ab"],
      labels: ["a", "b=1"],
      names: ["^web"],
      networks: ["host"],
      since: "db",
      statuses: ["exited"],
      volumes: ["data"],
    });
  });

  it.each([["is-task=true"], ["publish=80"], ["status=dead"], ["status=removing"]])(
    "know that nothing is ever %s",
    (filter) => {
      expect(parse(filter).none).toBe(true);
    },
  );

  it.each([
    ["status=asleep", /invalid filter 'status=asleep': expected created, dead, exited/],
    ["exited=one", /invalid filter 'exited=one': expected a whole number/],
    ["expose=80:80", /invalid filter 'expose=80:80': expected a port/],
    ["publish=http", /invalid filter 'publish=http': expected a port/],
    ["name=(", /invalid filter 'name=\(': expected a regular expression/],
    ["is-task=maybe", /invalid filter 'is-task=maybe': expected true or false/],
    ["stauts=exited", /invalid filter 'stauts'/],
    ["status", /bad format of filter/],
  ])("refuse %s", (filter, message) => {
    expect(() => parse(filter)).toThrow(message);
  });
});
