/** What is seen of containers on the command line: top, stats, pause, unpause, events, info. */
import { beforeAll, describe, expect, it } from "vitest";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, type Cli } from "./cli-command.ts";

const canRun = requireUserNamespaces();
expectNothingLeft();

describe.runIf(canRun)("a container in the background", () => {
  let cli: Cli;
  beforeAll(async () => {
    cli = await busyboxCli();
    const run = ["run", "-d", "--name", "box", "--network", "none", "busybox", "sleep", "60"];
    const { exitCode, stderr } = await cli.call(run);
    if (exitCode !== 0) throw new Error(stderr);
    return async () => {
      await cli.call(["rm", "-f", "box"]);
    };
  });

  const stdout = async (...args: string[]) => (await cli.call(args)).stdout;

  it("shows its processes", async () => {
    const [titles, ...processes] = (await stdout("top", "box")).trimEnd().split("\n");
    const chosen = await stdout("container", "top", "box", "-o", "pid,comm");

    expect(titles).toMatch(/^UID {17}PID {17}PPID {16}C +STIME +TTY +TIME +CMD$/);
    expect(processes).toEqual([expect.stringMatching(/ sleep 60$/)]);
    expect(chosen).toMatch(/^PID +COMMAND\n\d+ +sleep\n$/);
  });

  it("shows what it uses", async () => {
    const [headings, line] = (await stdout("stats", "--no-stream", "box")).split("\n");
    const row = JSON.parse(
      await stdout("stats", "--no-stream", "--format", "json", "box"),
    ) as object;

    expect(headings).toMatch(/^CONTAINER ID +NAME +CPU % +MEM USAGE \/ LIMIT +MEM % +NET I\/O/);
    expect(line).toMatch(/^[0-9a-f]{12} +box +\d+\.\d\d% +\S+[kMG]iB \/ \S+iB .* 1$/i);
    expect(row).toMatchObject({ Name: "box", PIDs: "1", NetIO: "0B / 0B" });
    expect(await cli.call(["stats", "--no-stream", "none"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("no such container: none"),
    });
  });

  it("is paused and unpaused, once", async () => {
    const paused = await cli.call(["pause", "box"]);
    const listed = await stdout("ps", "--format", "{{.Names}} {{.Status}}");
    const again = await cli.call(["pause", "box", "none"]);
    const unpaused = await cli.call(["unpause", "box"]);
    const notPaused = await cli.call(["unpause", "box"]);

    expect(paused).toMatchObject({ exitCode: 0, stdout: "box\n" });
    expect(listed).toMatch(/^box Up .* \(Paused\)\n$/);
    expect(again).toMatchObject({ exitCode: 1, stdout: "" });
    expect(again.stderr).toMatch(/box is already paused[^]*no such container: none/);
    expect(unpaused).toMatchObject({ exitCode: 0, stdout: "box\n" });
    expect(notPaused).toMatchObject({ exitCode: 1 });
  });

  it("is told of by events, in Docker's words and in JSON", async () => {
    const asked = ["events", "--since", "1h", "--until", "0s", "--filter", "container=box"];
    const text = await stdout(...asked, "--filter", "event=start");
    const json = await stdout(...asked, "--format", "{{json .}}");
    const template = await stdout(...asked, "--format", "{{.Action}} {{.Actor.Attributes.name}}");

    expect(text).toMatch(
      /^\d{4}-\S+\.\d{9}\S+ container start [0-9a-f]{64} \(image=busybox, name=box\)\n$/,
    );
    const [create] = json
      .split("\n")
      .map((line) => (line === "" ? {} : (JSON.parse(line) as object)));
    expect(create).toMatchObject({ status: "create", from: "busybox", Type: "container" });
    expect(template).toMatch(/^create box\nstart box\n/);
  });

  it("is told of as it happens, until an interrupt", async () => {
    const events = cli.start(["events", "--filter", "type=image", "--format", "{{.Action}}"], {
      env: { ...process.env, MARMITA_DEBUG: "" },
    });
    let tags = 0;
    const tagging = setInterval(() => void cli.call(["tag", "busybox", `other:${tags++}`]), 300);
    await events.printed(/^tag\n/);
    clearInterval(tagging);
    events.child.kill("SIGINT");

    expect(await events.ended).toMatchObject({ exitCode: 130 });
  });

  it("refuses what is no filter, no time and no template", async () => {
    for (const args of [
      ["--filter", "shape=round"],
      ["--since", "soon"],
      ["--format", "{{.X"],
    ]) {
      const { exitCode, stderr } = await cli.call(["events", "--until", "0s", ...args]);
      expect(exitCode).not.toBe(0);
      expect(stderr).toMatch(/shape|soon|template parsing error/);
    }
  });

  it("counts in info", async () => {
    expect(await stdout("info")).toMatch(/^Containers: 1\n Running: 1\n Paused: 0\n Stopped: 0\n/);
    expect(await stdout("system", "info", "-f", "{{.ContainersRunning}} {{.Images}}")).toMatch(
      /^1 \d+\n$/,
    );
  });
});
