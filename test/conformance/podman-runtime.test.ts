/** Rootless Podman with marmita-runtime below it: what people do with it, as over crun and runc. */
import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import type { Finished } from "../helpers/command.ts";
import { requirePodman } from "../helpers/compared.ts";
import { eventually } from "../helpers/eventually.ts";
import { busyboxArchive } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { openPodman, type Podman } from "../helpers/podman.ts";
import { RUNTIME } from "../helpers/runtime-cli.ts";
import { TestTerminal } from "../helpers/terminal.ts";

const IMAGE = "localhost/busybox";
const NO_NETWORK = "--network=none";

/** Ends soon when it is asked to. */
const SERVER = ["sh", "-c", "trap 'exit 3' TERM; echo begun; while :; do sleep 0.1; done"];

const able = requirePodman();

describe.runIf(able)("Podman over marmita-runtime", () => {
  expectNothingLeft();

  let podman: Podman;
  /** Another runtime that runs here. */
  let other: Podman | undefined;

  beforeAll(async () => {
    const opened = await openPodman();
    opened.podman("load", "--quiet", "--input", busyboxArchive());
    podman = opened.withRuntime(RUNTIME);
    other = ["crun", "runc"].map((name) => opened.withRuntime(name)).find(runs);
    if (other === undefined) console.warn("no other runtime runs here: nothing to compare with");
  });

  const runs = (one: Podman) => one.try(["run", "--rm", NO_NETWORK, IMAGE, "true"]).status === 0;

  it.each([
    ["a command that is not there", ["nosuch"], 127],
    ["a file that is not executable", ["/etc/passwd"], 126],
  ])("tells %s from other failures", (_, command, status) => {
    expect(podman.try(["run", "--rm", NO_NETWORK, IMAGE, ...command]).status).toBe(status);
  });

  it.each([
    ["what is printed, and the exit code", [], "echo hello; exit 7"],
    [
      "what confines",
      `--read-only --user=5:6 --group-add=7 --cap-drop=all --security-opt=no-new-privileges
       --tmpfs=/x:size=1m,mode=700 --ulimit=nofile=100:200`.split(/\s+/),
      `id -u; touch /a; stat -c %a /x; ulimit -n; ulimit -Hn
       grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status`,
    ],
    [
      "what opens",
      ["--privileged", "--pid=host", "--mount=type=bind,src=/,dst=/m,ro,bind-propagation=rslave"],
      `grep -E "^(CapPrm|CapEff|CapBnd|Seccomp:)" /proc/self/status
       test -d /proc/${process.pid} && ls -d /m/usr && touch /m/a`,
    ],
    ["an id of the user's own", ["--userns=keep-id"], "id -u; cat /proc/self/uid_map"],
  ])("has %s as over another runtime", (_, options, script) => {
    const args = ["run", "--rm", NO_NETWORK, ...options, IMAGE, "sh", "-c", script];

    const ours = podman.try(args);

    expect(ours.stdout, ours.stderr).not.toBe("");
    expect(facts(ours)).toEqual(facts(other?.try(args) ?? ours));
  });

  it("has a container in the background: exec, logs, stop, restart, kill, rm", async () => {
    podman.podman("run", "-d", "--name=box", NO_NETWORK, IMAGE, ...SERVER);
    const logged = () => podman.podman("logs", "box").split("\n").length - 1;
    await eventually("its log", () => (logged() === 1 ? true : undefined));
    const failed = podman.try(["exec", "box", "sh", "-c", "exit 5"]).status;
    const missing = podman.try(["exec", "box", "nosuch"]).status;
    const settings = ["-e", "A=b", "-u", "1:1", "-w", "/tmp"];
    const printed = podman.podman("exec", ...settings, "box", "sh", "-c", "echo $A `id -u` `pwd`");
    const echoed = podman.try(["exec", "-i", "box", "cat"], { input: "words\n" }).stdout;
    podman.podman("exec", "-d", "box", "touch", "/detached");
    await eventually("the file", () => {
      return podman.try(["exec", "box", "test", "-e", "/detached"]).status === 0 ? true : undefined;
    });
    podman.podman("stop", "--time=10", "box");
    const stopped = podman.podman("inspect", "--format={{.State.ExitCode}}", "box");
    podman.podman("restart", "--time=10", "box");
    podman.podman("kill", "box");
    const killed = podman.podman("wait", "box");
    podman.podman("rm", "box");

    expect({ failed, missing, printed, echoed, stopped, killed }).toEqual({
      failed: 5,
      missing: 127,
      printed: "b 1 /tmp\n",
      echoed: "words\n",
      stopped: "3\n",
      killed: "137\n",
    });
  });

  it("has a terminal: run -it --rm, its size, and its keys", async () => {
    const argv = podman.argv("run", "-it", "--rm", NO_NETWORK, IMAGE, "sh");
    await using terminal = new TestTerminal(argv, { env: podman.env, columns: 91, rows: 17 });

    await terminal.shows(/[#$] /);
    terminal.type("stty size; tty\n");
    await terminal.shows(/17 91/);
    await terminal.shows(/\/dev\/pts\/0/);
    terminal.type("echo now $((6 * 7)); sleep 100\n");
    await terminal.shows(/now 42/);
    terminal.type("\u0003");
    await terminal.shows(/[#$] /);
    terminal.type("exit 4\n");

    expect(await terminal.ended()).toBe("exited 4");
  });

  it("has health checks", () => {
    const check = ["--health-cmd=test -e /ok", "--health-interval=disable"];
    podman.podman("run", "-d", "--name=checked", NO_NETWORK, ...check, IMAGE, "sleep", "1000");

    const before = podman.try(["healthcheck", "run", "checked"]).status;
    podman.podman("exec", "checked", "touch", "/ok");
    const after = podman.try(["healthcheck", "run", "checked"]).status;
    podman.podman("rm", "--force", "--time=0", "checked");

    expect({ before, after }).toEqual({ before: 1, after: 0 });
  });

  it("has pods, whose containers share what a pod shares", () => {
    const infra = [`--infra-image=${IMAGE}`, "--infra-command=sleep 1000"];
    podman.podman("pod", "create", "--name=pod", NO_NETWORK, ...infra);
    podman.podman("run", "-d", "--pod=pod", "--name=member", IMAGE, "sleep", "1000");

    const hostname = podman.podman("exec", "member", "hostname");
    const state = podman.podman("pod", "inspect", "--format={{.State}} {{.NumContainers}}", "pod");
    podman.podman("pod", "rm", "--force", "--time=0", "pod");

    expect(hostname).toBe("pod\n");
    expect(state).toBe("Running 2\n");
  });

  it("hands descriptors over", () => {
    const file = openSync("/etc/hostname", "r");
    try {
      const args = [
        "run",
        "--rm",
        NO_NETWORK,
        "--preserve-fds=1",
        IMAGE,
        "test",
        "-r",
        "/proc/self/fd/3",
      ];
      const [program = "", ...rest] = podman.argv(...args);

      const stdio = ["ignore", "ignore", "inherit", file] as const;
      const { status } = spawnSync(program, rest, { stdio: [...stdio], env: podman.env });

      expect(status).toBe(0);
    } finally {
      closeSync(file);
    }
  });

  it("starts again what had stopped, attached", () => {
    podman.podman("create", "--name=again", NO_NETWORK, IMAGE, "sh", "-c", "echo here; exit 6");

    const runsOf = [1, 2].map(() => podman.try(["start", "--attach", "again"]));
    podman.podman("rm", "again");

    expect(runsOf.map(facts)).toEqual([
      { status: 6, stdout: "here\n" },
      { status: 6, stdout: "here\n" },
    ]);
  });

  it("is told by `podman info`", () => {
    expect(podman.podman("info", "--format={{.Host.OCIRuntime.Version}}")).toMatch(
      /^marmita-runtime version \S+\nspec: 1\.2\.0\n/,
    );
  });
});

/** Messages are each runtime's own. */
function facts({ status, stdout }: Finished): object {
  return { status, stdout };
}
