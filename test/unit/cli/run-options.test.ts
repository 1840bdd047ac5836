import { describe, expect, it } from "vitest";
import { parseFlags } from "../../../lib/cli/flags.ts";
import { RUN_FLAGS, RUN_REFUSED } from "../../../lib/cli/run-flags.ts";
import { runSettings } from "../../../lib/cli/run-options.ts";

const grammar = { flags: RUN_FLAGS, refused: RUN_REFUSED, stopsAtFirstArgument: true };
const settings = (...args: string[]) => runSettings(parseFlags(grammar, args), { HOME: "/me" });
const plain = {
  image: "busybox",
  pull: "missing",
  env: {},
  labels: {},
  mounts: [],
  readOnly: false,
  remove: false,
};

describe("the flags of run", () => {
  it.each([
    ["busybox", {}],
    ["busybox echo -n --rm", { command: ["echo", "-n", "--rm"] }],
    ["--rm --read-only busybox", { remove: true, readOnly: true }],
    [
      "--name web -u 1000:100 -w /srv -h box busybox",
      {
        name: "web",
        user: "1000:100",
        workdir: "/srv",
        hostname: "box",
      },
    ],
    ["--name= --hostname= busybox", {}],
    ["-e A=1 -e HOME -e ABSENT busybox", { env: { A: "1", HOME: "/me" } }],
    ["-l a=1 --label b busybox", { labels: { a: "1", b: "" } }],
    ["--entrypoint /bin/sh busybox", { entrypoint: ["/bin/sh"] }],
    ["--entrypoint= busybox", { entrypoint: null }],
    ["-it busybox", { tty: true, openStdin: true }],
    ["-d --restart=always busybox", { restart: "always" }],
    ["--restart on-failure:3 busybox", { restart: "on-failure:3" }],
    ["--restart on-failure busybox", { restart: "on-failure" }],
    ["--restart no busybox", {}],
    ["--rm --restart no busybox", { remove: true }],
    ["--tty=false busybox", {}],
    ["--pull always busybox", { pull: "always" }],
    ["--pull=never -q busybox", { pull: "never" }],
    ["--pull= busybox", {}],
    ["--network host busybox", { network: "host" }],
    ["--platform linux/amd64 busybox", { platform: "linux/amd64" }],
    ["--net=none busybox", { network: "none" }],
    ["--network=bridge busybox", { network: "bridge" }],
    ["--network=default busybox", {}],
    ["--network container:web busybox", { network: "container:web" }],
    [
      "--dns 192.0.2.53 --dns=::1 --dns-search . --dns-opt ndots:2 --add-host db:192.0.2.1 busybox",
      {
        dns: ["192.0.2.53", "::1"],
        dnsSearch: ["."],
        dnsOptions: ["ndots:2"],
        extraHosts: ["db:192.0.2.1"],
      },
    ],
    [
      "-v /a:/b:ro --tmpfs /t --mount type=bind,src=/c,dst=/d busybox",
      {
        mounts: [
          { type: "bind", source: "/a", target: "/b", readOnly: true, createSource: true },
          { type: "bind", source: "/c", target: "/d" },
          { type: "tmpfs", target: "/t" },
        ],
      },
    ],
  ])("make a container: %s", (line, options) => {
    expect(settings(...line.split(" ")).create).toEqual({ ...plain, ...options });
  });

  it("say how it is run", () => {
    expect(
      settings("-iq", "--timeout", "2", "--cidfile=id", "--sig-proxy=false", "x"),
    ).toMatchObject({
      interactive: true,
      proxySignals: false,
      timeoutMs: 2_000,
      cidFile: "id",
    });
    expect(settings("--timeout=0", "x")).not.toHaveProperty("timeoutMs");
  });

  it.each([
    ["--network= x", "no name set for network"],
    ["--network container: x", "expected container:NAME"],
    ["--dns me x", 'invalid argument "me" for "--dns" flag: expected an IP address'],
    ["--add-host db x", 'invalid argument "db" for "--add-host" flag: bad format'],
    ["--pull=foo x", `invalid pull option: 'foo': must be one of "always", "missing" or "never"`],
    ["--timeout soon x", 'invalid argument "soon" for "--timeout" flag'],
    ["--restart sometimes x", 'invalid argument "sometimes" for "--restart" flag: expected'],
    ["--restart on-failure:-1 x", 'invalid argument "on-failure:-1" for "--restart" flag'],
    ["--restart always:3 x", 'restart policy "always" has no maximum retry count'],
    ["--restart always --rm x", "cannot specify both --restart and --rm"],
    ["-d --timeout 3 x", "cannot specify both --timeout and --detach"],
    ["-e =x y", 'invalid argument "=x" for "-e, --env" flag'],
    [
      "--env-file /no/such x",
      'invalid argument "/no/such" for "--env-file" flag: no such file or directory',
    ],
    ["-v a:b:c:d x", 'invalid argument "a:b:c:d" for "-v, --volume" flag'],
  ])("complain of %s", (line, message) => {
    expect(() => settings(...line.split(" "))).toThrow(
      expect.objectContaining({ exitCode: 125, message: expect.stringContaining(message) }),
    );
  });

  it.each([
    ["-p 80:80 x", "-p (--publish) is not supported yet"],
    ["--memory 1g x", "--memory is not supported yet"],
    ["--pull newer x", "--pull newer is not supported yet"],
    [
      "--network mine x",
      "network mine not found: there are no named networks yet, only private, none, host, container:NAME",
    ],
    ["--ip 192.0.2.5 x", "--ip is not supported yet"],
    ["--network-alias web x", "--network-alias is not supported yet"],
    ["-v data:/data:U x", "-v with the option U is not supported yet"],
  ])("are refused by name: %s", (line, message) => {
    expect(() => settings(...line.split(" "))).toThrow(
      expect.objectContaining({ exitCode: 125, form: "refusal", message }),
    );
  });
});
