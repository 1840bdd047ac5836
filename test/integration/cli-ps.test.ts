import { beforeAll, describe, expect, it } from "vitest";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, type Cli } from "./cli-command.ts";

expectNothingLeft();

describe.runIf(requireUserNamespaces())("ps", () => {
  let cli: Cli;

  beforeAll(async () => {
    cli = await busyboxCli();
    await cli.call(["run", "--name", "one", "-l", "a=1", "busybox", "true"]);
    await cli.call(["run", "--name", "two", "-l", "a=2", "-v", "data:/d", "busybox", "false"]);
    await cli.call(["commit", "two", "child"]);
    await cli.call(["run", "--name", "three", "-l", "a=3", "--network=host", "child", "true"]);
  });

  async function names(...args: string[]): Promise<string> {
    const { stdout, stderr } = await cli.call(["ps", "--format", "{{.Names}}", ...args]);
    return stderr + stdout.trimEnd().replaceAll("\n", " ");
  }

  it.each([
    [["-a"], "three two one"],
    [[], ""],
    [["-a", "-f", "name=^t"], "three two"],
    [["-a", "--filter", "name=one", "--filter", "name=two"], "two one"],
    [["-a", "-f", "label=a"], "three two one"],
    [["-a", "-f", "label=a=2"], "two"],
    [["-a", "-f", "exited=1"], "two"],
    [["-f", "exited=1"], ""],
    [["-f", "status=exited"], "three two one"],
    [["-f", "status=created"], ""],
    [["-f", "status=dead"], ""],
    [["-a", "-f", "ancestor=busybox"], "three two one"],
    [["-a", "-f", "ancestor=child"], "three"],
    [["-a", "-f", "ancestor=nothing"], ""],
    [["-a", "-f", "before=two"], "one"],
    [["-a", "-f", "since=one"], "three two"],
    [["-a", "-f", "since=one", "-f", "before=three"], "two"],
    [["-a", "-f", "volume=data"], "two"],
    [["-a", "-f", "volume=/d"], "two"],
    [["-a", "-f", "network=host"], "three"],
    [["-a", "-f", "publish=80"], ""],
    [["-a", "-f", "is-task=true"], ""],
    [["-n", "2"], "three two"],
    [["-l"], "three"],
    [["-l", "-f", "label=a=2"], "two"],
    [["-n", "0"], ""],
  ])("%j shows %j", async (args, expected) => {
    expect(await names(...args)).toBe(expected);
  });

  it("finds containers by the start of an id", async () => {
    const { stdout } = await cli.call(["ps", "-aq", "--no-trunc", "-f", "name=two"]);

    expect(await names("-a", "-f", `id=${stdout.slice(0, 8)}`)).toBe("two");
  });

  it("says which container is not there, and which filter is none", async () => {
    expect(await cli.call(["ps", "-a", "-f", "before=nobody"])).toMatchObject({
      exitCode: 1,
      stderr: "marmita: no such container: nobody\n",
    });
    expect(await cli.call(["ps", "-f", "status=asleep"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^marmita: invalid filter 'status=asleep': expected /),
    });
  });
});
