/** `marmita volume …`: Docker's output and exit codes. */
import { beforeAll, describe, expect, it } from "vitest";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, type Cli } from "./cli-command.ts";

expectNothingLeft();

describe.runIf(requireUserNamespaces())("marmita volume", () => {
  let cli: Cli;
  const volume = async (...args: readonly string[]) => cli.call(["volume", ...args]);
  const done = (stdout: string) => ({ exitCode: 0, stdout, stderr: "" });

  beforeAll(async () => {
    cli = await busyboxCli();
  });

  it("makes, lists, shows and removes them", async () => {
    expect(await volume("create", "--label", "stage=test", "-l", "keep", "data")).toEqual(
      done("data\n"),
    );
    expect(await volume("create", "data")).toEqual(done("data\n"));
    expect(await volume("ls")).toEqual(done("DRIVER    VOLUME NAME\nlocal     data\n"));
    expect(await volume("list", "-qf", "label=stage=test", "-f", "name=^da")).toEqual(
      done("data\n"),
    );
    expect(await volume("inspect", "-f", "{{.Name}} {{json .Labels}} {{.Scope}}", "data")).toEqual(
      done('data {"keep":"","stage":"test"} local\n'),
    );
    expect(await cli.call(["inspect", "--type", "volume", "-f", "{{.Driver}}", "data"])).toEqual(
      done("local\n"),
    );
    expect(await cli.call(["inspect", "-f", "{{.Driver}}", "data"])).toEqual(done("local\n"));
    expect(await volume("remove", "data")).toEqual(done("data\n"));
    expect(await volume("ls", "-q")).toEqual(done(""));
  });

  it("removes what it can, and tells what it cannot", async () => {
    await volume("create", "free");
    const run = await cli.call(["run", "-v", "held:/data", "--name", "web", "busybox", "true"]);

    const { exitCode, stdout, stderr } = await volume("rm", "held", "none", "free");

    expect(run.exitCode).toBe(0);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "free\n" });
    expect(stderr).toMatch(/volume held is in use by [0-9a-f]{12}\n.*Remove the containers/);
    expect(stderr).toContain("no such volume: none\n");
    expect(await volume("rm", "-f", "none")).toEqual(done("none\n"));
  });

  it("removes what nobody uses, once that is agreed to", async () => {
    await volume("create", "named");
    const anonymous = (await volume("create")).stdout;

    const refused = await cli.call(["volume", "prune"], { input: "n\n" });
    const pruned = await volume("prune", "-f");
    const all = await volume("prune", "--force", "--filter", "all=1", "--filter", "label!=keep");

    expect(refused).toMatchObject({
      exitCode: 1,
      stdout:
        "WARNING! This will remove anonymous local volumes not used by at least one container.\n" +
        "Are you sure you want to continue? [y/N] ",
    });
    expect(pruned).toEqual(done(`Deleted Volumes:\n${anonymous}\nTotal reclaimed space: 0B\n`));
    expect(all).toEqual(done("Deleted Volumes:\nnamed\n\nTotal reclaimed space: 0B\n"));
  });

  it.each([
    [["create", "--opt", "type=tmpfs", "x1"], "--opt is not supported yet"],
    [["create", "-d", "nfs", "x1"], "--driver nfs is not supported yet"],
    [["ls", "--cluster"], "--cluster is not supported yet"],
    [["rm", "--all", "x1"], "--all is not supported yet"],
    [["update", "x1"], "marmita volume update is not there yet"],
    [["ls", "-f", "nme=x"], "invalid filter 'nme'"],
    [["create", "a/b"], 'got "a/b"'],
    [["inspect", "none"], "no such volume: none"],
  ])("refuses %j", async (args, message) => {
    const { exitCode, stderr } = await volume(...args);

    expect(exitCode).not.toBe(0);
    expect(stderr).toContain(message);
  });
});
