import { describe, expect, it } from "vitest";
import { applyChanges } from "../../../lib/images/changes.ts";

describe("changes in Dockerfile syntax", () => {
  it.each([
    ['CMD ["sh", "-c", "true"]', { Cmd: ["sh", "-c", "true"] }],
    ["CMD echo $HOME", { Cmd: ["/bin/sh", "-c", "echo $HOME"] }],
    ["cmd true", { Cmd: ["/bin/sh", "-c", "true"] }],
    ["CMD []", { Cmd: [] }],
    ["CMD [not json", { Cmd: ["/bin/sh", "-c", "[not json"] }],
    ['ENTRYPOINT ["/init"]', { Entrypoint: ["/init"] }],
    ["ENTRYPOINT []", {}],
    ["ENV A=1", { Env: ["A=1"] }],
    ['ENV A=1 B="2 3" C=4\\ 5', { Env: ["A=1", "B=2 3", "C=4 5"] }],
    ["ENV A the rest of it", { Env: ["A=the rest of it"] }],
    ["ENV A=", { Env: ["A="] }],
    ["ENV A=b=c", { Env: ["A=b=c"] }],
    [
      "EXPOSE 80 53/udp 8000-8002/TCP",
      { ExposedPorts: ports("80/tcp 53/udp 8000/tcp 8001/tcp 8002/tcp") },
    ],
    ['LABEL a=1 "b c"="d e"', { Labels: { a: "1", "b c": "d e" } }],
    ["USER cook:kitchen", { User: "cook:kitchen" }],
    ["WORKDIR /srv/../tmp", { WorkingDir: "/tmp" }],
    ["WORKDIR a", { WorkingDir: "/a" }],
    ["VOLUME /a /b", { Volumes: ports("/a /b") }],
    ['VOLUME ["/a b"]', { Volumes: { "/a b": {} } }],
    ["STOPSIGNAL term", { StopSignal: "SIGTERM" }],
    ["STOPSIGNAL SIGRTMIN+3", { StopSignal: "SIGRTMIN+3" }],
    ["STOPSIGNAL 9", { StopSignal: "9" }],
    ["HEALTHCHECK NONE", { Healthcheck: { Test: ["NONE"] } }],
    ["HEALTHCHECK CMD curl x", { Healthcheck: { Test: ["CMD-SHELL", "curl x"] } }],
    [
      'HEALTHCHECK --interval=1m30s --timeout=500ms --retries=3 CMD ["curl", "x"]',
      { Healthcheck: { Test: ["CMD", "curl", "x"], Interval: 90e9, Timeout: 5e8, Retries: 3 } },
    ],
    ["ONBUILD RUN make", { OnBuild: ["RUN make"] }],
    ["# a comment", {}],
    ["  ", {}],
    ["ENV A=1 \\\n  B=2", { Env: ["A=1", "B=2"] }],
    ["ENV A=1\nENV B=$A", { Env: ["A=1", "B=1"] }],
  ])("%j", (change, expected) => {
    expect(JSON.parse(JSON.stringify(applyChanges({}, [change])))).toEqual(expected);
  });

  it("come one after the other", () => {
    const changes = ["ENV A=1 B=2", "ENV A=$B PATH=/bin:$PATH", "WORKDIR /srv", "WORKDIR lunch"];

    expect(applyChanges({ Env: ["PATH=/usr/bin"] }, changes)).toEqual({
      Env: ["PATH=/bin:/usr/bin", "A=2", "B=2"],
      WorkingDir: "/srv/lunch",
    });
  });

  it("leave the defaults they start from as they were", () => {
    const defaults = { Env: ["A=1"], Labels: { a: "1" } };

    applyChanges(defaults, ["ENV A=2", "LABEL a=2"]);

    expect(defaults).toEqual({ Env: ["A=1"], Labels: { a: "1" } });
  });

  it("drop the base's command for another entrypoint, not for none, nor one set before", () => {
    expect(applyChanges({ Cmd: ["old"] }, ['ENTRYPOINT ["/init"]']).Cmd).toBeUndefined();
    expect(applyChanges({ Cmd: ["old"] }, ["ENTRYPOINT []"]).Cmd).toEqual(["old"]);
    expect(applyChanges({}, ['CMD ["new"]', 'ENTRYPOINT ["/init"]']).Cmd).toEqual(["new"]);
  });

  it("use the image's own shell", () => {
    expect(applyChanges({ Shell: ["/bin/ash", "-ec"] }, ["CMD true"]).Cmd).toEqual([
      "/bin/ash",
      "-ec",
      "true",
    ]);
  });

  it.each([
    ["RUN make", "RUN is not one of CMD, ENTRYPOINT"],
    ["CMD", "it needs an argument"],
    ["ENV A", "it needs a name and a value"],
    ["ENV A=1 B", 'B has no "="'],
    ["ENV =1", "a name must not be empty"],
    ["LABEL x", "it needs a name and a value"],
    ["EXPOSE 8080:80", "8080:80 is not a port"],
    ["EXPOSE 70000", "70000 is not a port"],
    ["EXPOSE 9-8", "9-8 is not a port"],
    ["USER a b", "it takes one argument"],
    ['VOLUME [""]', "must not be empty"],
    ["STOPSIGNAL never!", "NEVER! is not a signal"],
    ["HEALTHCHECK maybe", 'expected CMD or NONE, got "maybe"'],
    ["HEALTHCHECK CMD", "CMD needs a command"],
    ["HEALTHCHECK NONE x", "NONE takes no arguments"],
    ["HEALTHCHECK --interval=soon CMD x", "--interval=soon is not a duration"],
    ["HEALTHCHECK --interval=1us CMD x", "less than a millisecond"],
    ["HEALTHCHECK --retries=-1 CMD x", "--retries=-1 is not a number"],
    ["HEALTHCHECK --color=red CMD x", "there is no flag --color"],
    ["ONBUILD ONBUILD RUN x", "ONBUILD must not be in an ONBUILD"],
    ["ONBUILD FROM x", "FROM must not be in an ONBUILD"],
    ['ENV A="1', 'a " is not closed'],
    ["ENV A=${1", "a ${ is not closed"],
  ])("%j is refused: %s", (change, reason) => {
    expect(() => applyChanges({}, [change])).toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining(reason),
        details: { change },
      }),
    );
  });
});

function ports(text: string): Record<string, object> {
  return Object.fromEntries(text.split(" ").map((name) => [name, {}]));
}
