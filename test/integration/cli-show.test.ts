/** What the command line shows of images and containers: filters, templates, history. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, type Cli } from "./cli-command.ts";

expectNothingLeft();

describe.runIf(requireUserNamespaces())("what is shown", () => {
  let cli: Cli;
  const stdout = async (...args: readonly string[]) => {
    const done = await cli.call(args);
    expect(done).toMatchObject({ exitCode: 0, stderr: "" });
    return done.stdout;
  };

  beforeAll(async () => {
    cli = await busyboxCli();
    const tar = join(await temporaryFolder(), "root.tar");
    await writeFile(tar, tarArchive([{ path: "motd", content: "oi" }]));
    await cli.call(["import", "-c", "LABEL a=1 b=2", "-m", "first", tar, "lunch:1"]);
    await cli.call(["import", "-c", "LABEL a=2", "-c", "ENV A=B", "-m", "second", tar, "lunch:1"]);
    await cli.call([
      "run",
      "--name",
      "web",
      "-l",
      "x=y",
      "-e",
      "K=v w",
      "busybox",
      "sh",
      "-c",
      "exit 3",
    ]);
  });

  describe("of images", () => {
    it.each([
      [["-f", "dangling=true"], "<none>:<none>\n"],
      [["-f", "dangling=false", "lunch"], "lunch:1\n"],
      [["-f", "label=a"], "lunch:1\n<none>:<none>\n"],
      [["-f", "label=b=2"], "<none>:<none>\n"],
      [["-f", "label=a", "-f", "label!=b"], "lunch:1\n"],
      [["-f", "reference=lun*:?"], "lunch:1\n"],
      [["-f", "before=lunch:1", "-f", "reference=*"], "busybox:latest\n"],
      [["-f", "since=busybox", "lunch"], "lunch:1\n"],
      [["-f", "until=2024-06-01"], "busybox:latest\n"],
    ])("images %j", async (args, expected) => {
      const shown = await stdout("images", ...args, "--format", "{{.Repository}}:{{.Tag}}");

      expect(shown).toBe(expected);
    });

    it("has its history, in Docker's words", async () => {
      const table = await stdout("history", "lunch:1");
      const short = await stdout("image", "history", "-q", "busybox");
      const json = await stdout("history", "--format", "json", "-H=false", "busybox");

      expect(table).toMatch(/^IMAGE {10}CREATED +CREATED BY +SIZE +COMMENT\n\w{12} .* second\n$/);
      expect(short).toMatch(/^\w{12}\n$/);
      expect(JSON.parse(json)).toMatchObject({
        CreatedAt: "2024-01-01T00:00:00Z",
        CreatedBy: "fixture layer 1",
        Size: expect.stringMatching(/^\d{7,}$/) as unknown,
      });
    });

    it("guesses what a name was meant to be", async () => {
      const [run, history, inspect] = [
        await cli.call(["run", "--rm", "busybx"]),
        await cli.call(["history", "lunch"]),
        await cli.call(["inspect", "lunhc:1"]),
      ];

      expect(run.stderr).toContain("no such image: busybx:latest\nDid you mean busybox:latest?");
      expect(history.stderr).toContain("Did you mean lunch:1?");
      expect(inspect.stderr).toContain("no such object: lunhc:1\nDid you mean lunch:1?");
    });

    it("has what `docker image inspect` has", async () => {
      const [image] = JSON.parse(await stdout("image", "inspect", "lunch:1")) as [object];

      expect(image).toMatchObject({
        Id: expect.stringMatching(/^sha256:\w{64}$/) as unknown,
        RepoTags: ["lunch:1"],
        RepoDigests: [expect.stringMatching(/^lunch@sha256:\w{64}$/)],
        Parent: "",
        Comment: "second",
        Architecture: expect.any(String) as unknown,
        Os: "linux",
        GraphDriver: {
          Name: "overlay",
          Data: { UpperDir: expect.stringMatching(/diff$/) as unknown },
        },
        RootFS: { Type: "layers", Layers: [expect.stringMatching(/^sha256:/)] },
        Metadata: { LastTagTime: expect.any(String) as unknown },
        Config: { Labels: { a: "2" }, Env: ["A=B"], Cmd: null, Volumes: null },
      });
    });
  });

  describe("of containers", () => {
    it.each([
      [
        "ps",
        ["-a", "--format", '{{.Names}} {{.Image}} {{.State}} {{.Label "x"}} {{.Labels}}'],
        "web busybox exited y x=y\n",
      ],
      ["ps", ["-aq", "--format", "{{.Command}}"], "\"sh -c 'exit 3'\"\n"],
      ["ps", ["-a", "--format", 'table {{.Names}}\\t{{.Label "x"}}'], "NAMES     x\nweb       y\n"],
      [
        "inspect",
        ["-f", "{{.Name}} {{.State.ExitCode}} {{.Config.Image}}", "web"],
        "/web 3 busybox\n",
      ],
      [
        "inspect",
        ["-f", "{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}", "web"],
        "none\n",
      ],
      [
        "inspect",
        ["-f", '{{join .Args "|"}} {{index .Config.Labels "x"}}', "web"],
        "-c|exit 3 y\n",
      ],
      ["inspect", ["-f", "{{range .Config.Env}}{{println .}}{{end}}", "web"], /^K=v w$/m],
      ["container inspect", ["-f", "{{json .Config.Cmd}}", "web"], '["sh","-c","exit 3"]\n'],
      [
        "image inspect",
        ["-f", "{{.Id}} {{.RepoTags}}", "busybox"],
        /^sha256:\w{64} \[busybox:latest\]\n$/,
      ],
      ["inspect", ["-f", "{{.Id | len}}", "web", "busybox"], "64\n71\n"],
      [
        "inspect",
        ["-f", "{{.HostConfig.NetworkMode}} {{.HostConfig.Memory}}", "web"],
        "private 0\n",
      ],
      ["version", ["-f", "{{.Client.Os}}"], "linux\n"],
    ] as const)("%s %j", async (command, args, expected) => {
      const shown = await stdout(...command.split(" "), ...args);

      expect(shown).toMatch(expected instanceof RegExp ? expected : exactly(expected));
    });

    it("has its size, if asked", async () => {
      await stdout("run", "--name", "large", "busybox", "sh", "-c", "head -c 5000 /dev/zero >/f");

      const format = "{{.SizeRw}} {{gt .SizeRootFs 1000000}}";
      const without = await cli.call(["inspect", "-f", "{{.SizeRw}}", "large"]);

      expect(await stdout("inspect", "-s", "-f", format, "large")).toBe("5000 true\n");
      expect(await stdout("container", "inspect", "--size", "-f", format, "large")).toBe(
        "5000 true\n",
      );
      expect(without).toMatchObject({ exitCode: 1, stdout: "" });
      expect(await stdout("ps", "-as", "-n", "1")).toMatch(
        /NAMES +SIZE\n.* large +5kB \(virtual [\d.]+MB\)\n$/,
      );
      expect(await stdout("ps", "-n", "1", "--format", "{{.Size}}")).toMatch(/^5kB \(virtual /);
    });

    it("is one line of JSON with --format json", async () => {
      const shown = await stdout("inspect", "--format", "json", "web", "busybox");

      expect(shown.trimEnd()).not.toContain("\n");
      expect(JSON.parse(shown)).toMatchObject([{ Name: "/web" }, { RepoTags: ["busybox:latest"] }]);
    });

    it("has every key of Docker's HostConfig, though nothing was asked", async () => {
      const shown = await stdout("inspect", "-f", "{{json .HostConfig}}", "web");

      expect(Object.keys(JSON.parse(shown) as object)).toEqual(expect.arrayContaining(HOST_CONFIG));
    });
  });

  describe("of images made of each other", () => {
    beforeAll(async () => {
      for (const [name, image] of [
        ["one", "busybox"],
        ["two", "made:1"],
      ] as const) {
        await stdout("run", "--name", name, image, "touch", `/${name}`);
        await stdout("commit", "-m", name, "-a", "eu", name, "made:1");
      }
    });

    it("has each step under the id of the image that ends with it", async () => {
      const steps = await stdout(
        "history",
        "--no-trunc",
        "--format",
        "{{.ID}} {{.Comment}}",
        "made:1",
      );
      const ids = (await stdout("images", "-aq", "--no-trunc", "-f", "label!=a")).split("\n");

      expect(steps).toBe(`${ids[0]} two\n${ids[1]} one\n${ids[2]} \n`);
    });

    it("has its parent, and hides it while it has no name", async () => {
      const parent = (await stdout("inspect", "-f", "{{.Parent}}", "made:1")).trim();
      const list = ["images", "-q", "--no-trunc", "-f", "label!=a"];

      expect(parent).toMatch(/^sha256:\w{64}$/);
      expect(await stdout("inspect", "-f", "{{.Comment}} {{.Author}}", parent)).toBe("one eu\n");
      expect(await stdout(...list, "-a")).toContain(parent);
      expect(await stdout(...list)).not.toContain(parent);
      expect(await stdout(...list, "-f", "dangling=true")).toBe("");
      expect(await stdout("inspect", "-f", "{{.Parent}}", parent)).toBe(
        await stdout("inspect", "-f", "{{.Id}}", "busybox"),
      );
    });
  });

  it("is told what was found, and what was not, in that order", async () => {
    const done = await cli.call(["inspect", "-f", "{{.Id | len}}", "nope", "web"]);

    expect(done).toEqual({
      exitCode: 1,
      stdout: "64\n",
      stderr: "marmita: no such object: nope\n",
    });
  });

  it.each([
    [["inspect", "-f", "{{.Nope}}", "web"], 1, 'at <.Nope>: map has no entry for key "Nope"'],
    [["inspect", "-f", "{{", "web"], 64, "template: :1: unclosed action"],
    [
      ["version", "-f", "{{.Server.Version}}"],
      1,
      'executing "version" at <.Server.Version>: nil pointer',
    ],
    [["version", "-f", "{{uper .}}"], 64, "Did you mean upper?"],
    [["images", "--format", "{{.Name}}"], 1, "can't evaluate field Name in type image"],
    [["images", "-f", "size=1"], 1, "invalid filter 'size'"],
    [["images", "-f", "since=nope"], 1, "no such image: nope:latest"],
    [["images", "-f", "dangling"], 125, "bad format of filter (expected name=value)"],
    [["history", "nope"], 1, "no such image: nope:latest"],
  ])("refuses %j with %i", async (args, exitCode, words) => {
    const done = await cli.call(args);

    expect(done).toMatchObject({ exitCode, stdout: "" });
    expect(done.stderr).toContain(words);
  });
});

function exactly(text: string): RegExp {
  return new RegExp(`^${text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")}$`);
}

/** Of docker 28's API. */
const HOST_CONFIG = `
  Binds ContainerIDFile LogConfig NetworkMode PortBindings RestartPolicy AutoRemove VolumeDriver
  VolumesFrom ConsoleSize CapAdd CapDrop CgroupnsMode Dns DnsOptions DnsSearch ExtraHosts GroupAdd
  IpcMode Cgroup Links OomScoreAdj PidMode Privileged PublishAllPorts ReadonlyRootfs SecurityOpt
  UTSMode UsernsMode ShmSize Isolation CpuShares Memory NanoCpus CgroupParent BlkioWeight
  BlkioWeightDevice BlkioDeviceReadBps BlkioDeviceWriteBps BlkioDeviceReadIOps
  BlkioDeviceWriteIOps CpuPeriod CpuQuota CpuRealtimePeriod CpuRealtimeRuntime CpusetCpus
  CpusetMems Devices DeviceCgroupRules DeviceRequests MemoryReservation MemorySwap
  MemorySwappiness OomKillDisable PidsLimit Ulimits CpuCount CpuPercent IOMaximumIOps
  IOMaximumBandwidth MaskedPaths ReadonlyPaths`
  .trim()
  .split(/\s+/);
