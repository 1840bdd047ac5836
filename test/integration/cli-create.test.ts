import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, type Cli } from "./cli-command.ts";

expectNothingLeft();

describe.runIf(requireUserNamespaces())("marmita create", () => {
  let cli: Cli;

  beforeAll(async () => {
    cli = await busyboxCli();
  });

  it("prints the full id of a container that is not started", async () => {
    const made = await cli.call(["create", "--name", "web", "--network=none", "busybox", "ls"]);

    expect(made).toEqual({
      exitCode: 0,
      stdout: expect.stringMatching(/^[0-9a-f]{64}\n$/),
      stderr: "",
    });
    const [found] = JSON.parse((await cli.call(["inspect", "web"])).stdout);
    expect(found).toMatchObject({
      Id: made.stdout.trim(),
      Path: "ls",
      State: { Status: "created", Running: false, ExitCode: 0 },
      Config: { OpenStdin: false, StdinOnce: false, Tty: false },
    });
    expect((await cli.call(["ps"])).stdout.split("\n")).toHaveLength(2);
    expect((await cli.call(["ps", "-a"])).stdout).toMatch(/Created +web$/m);
  });

  it("makes one that can be typed to", async () => {
    await cli.call(["container", "create", "-it", "--name", "shell", "--network=none", "busybox"]);

    const [found] = JSON.parse((await cli.call(["inspect", "shell"])).stdout);
    expect(found.Config).toMatchObject({ OpenStdin: true, Tty: true });
  });

  it("writes the id to a file", async () => {
    const path = join(await temporaryFolder(), "cid");

    const made = await cli.call(["create", "--cidfile", path, "--network=none", "busybox"]);

    expect(readFileSync(path, "utf8")).toBe(made.stdout.trim());
    expect(await cli.call(["create", "--cidfile", path, "busybox"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("container ID file found"),
    });
  });

  it.each([
    [["no-such-image"], 1, /^marmita: no such image: no-such-image/],
    [["--name", "taken", "busybox"], 1, /^marmita: the container name "taken" is in use by /],
    [["--name", "a/b", "busybox"], 1, /^marmita: expected "name" to be /],
    [["--memory", "1g", "busybox"], 125, /^marmita create: --memory is not supported yet\n/],
    [["--cpus=2", "busybox"], 125, /^marmita create: --cpus is not supported yet\n/],
    [["--pids-limit=2", "busybox"], 125, /^marmita create: --pids-limit is not supported yet\n/],
    [["-m", "1g", "busybox"], 125, /^marmita create: -m \(--memory\) is not supported yet\n/],
    [["-d", "busybox"], 125, /^marmita: unknown shorthand flag: 'd' in -d\n/],
    [["--rm", "--restart=always", "busybox"], 125, /^marmita: conflicting options/],
    [[], 1, /^marmita: 'marmita create' requires at least 1 argument/],
  ])("refuses %j", async (args, exitCode, message) => {
    await cli.call(["create", "--name", "taken", "--network=none", "busybox"]);

    expect(await cli.call(["create", ...args])).toEqual({
      exitCode,
      stdout: "",
      stderr: expect.stringMatching(message),
    });
  });
});
