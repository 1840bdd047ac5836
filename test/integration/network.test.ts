import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { accessSync, constants, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { RunOptions } from "../../lib/engine/options.ts";
import { output } from "../helpers/command.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { lineOf } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { busyboxWith } from "../helpers/images.ts";
import { hasHelper } from "../helpers/network-machine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { script } from "../helpers/script.ts";
import { hostCannot, needProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, type Cli } from "./cli-command.ts";

const HELPERS = ["pasta", "slirp4netns"] as const;
const ready = requireUserNamespaces();
/** Else nothing is started that could fail. */
const fault = whyClosed("/dev/net/tun");
const canConnect = fault === undefined || hostCannot("connect networks", fault) === "";
const connectable = canConnect && HELPERS.some(hasHelper);

describe.runIf(ready)("a private network", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  /** A shell's script in a container that goes away. */
  function shell(text: string, options: RunOptions = {}) {
    return run("busybox", ["sh", "-c", text], { engine, remove: true, ...options });
  }

  describe.each(HELPERS)("by %s", (network) => {
    beforeEach((context) => {
      needProgram(context, network);
      if (!canConnect) context.skip("/dev/net/tun is closed");
    });

    it("has an interface, a route, and the container's name with its address", async () => {
      const { stdout, isolation } = await shell(
        'ip route | grep -c "^default"; ping -c 1 -w 1 "$(hostname)" >/dev/null && echo itself;' +
          "ls /sys/class/net; grep lunch /etc/hosts",
        { network, hostname: "lunch", name: "noon" },
      );

      expect(stdout).toMatch(/^1\nitself\neth0\nlo\n\d+\.\d+\.\d+\.\d+\tlunch noon\n/);
      expect(isolation).toMatchObject({ network: "private", networkHelper: network });
      expect(isolation).not.toHaveProperty("networkReason");
    });

    it("lets every user listen on low ports, and every group that is mapped ping", async () => {
      const { stdout } = await shell(
        "cd /proc/sys/net/ipv4; cat ip_unprivileged_port_start ping_group_range",
        { network },
      );

      expect(stdout).toMatch(/^0\n0\t\d+\n$/);
    });

    it("goes on without when its helper is killed, and says so", async () => {
      const losses: unknown[] = [];
      const onLoss = (loss: unknown) => void losses.push(loss);
      subscribe("marmita:network-lost", onLoss);
      const options = { image: "busybox", command: ["sleep", "60"], network, name: "loser" };
      const { container, process: running } = await engine.containers.createAndStart(options);
      process.kill(helperOf(engine, container.id), "SIGKILL");
      await expect.poll(() => losses).toHaveLength(1);
      unsubscribe("marmita:network-lost", onLoss);

      const reason = `${network} was killed by signal 9`;
      expect(losses).toEqual([{ container: "loser", reason }]);
      expect(running.network).toEqual({ reason });
      const inspection = await container.inspect();
      expect(inspection.State.Status).toBe("running");
      expect(inspection.Isolation).toMatchObject({ network: "none", networkReason: reason });

      running.kill("SIGKILL");
      await running.wait();
      await using again = await container.start();
      expect(again.network).toEqual({ helper: network });
      again.kill("SIGKILL");
      await again.wait();
      await container.remove();
    });

    it.each(["keeper", "owner", "container"])(
      "leaves no helper when the %s is killed",
      async (victim) => {
        await using owner = script(
          engine.root,
          `const engine = await marmita.openEngine({ root });
         const options = { image: "busybox", command: ["sleep", "60"], remove: true };
         const { container } = await engine.containers.createAndStart(
           { ...options, network: "${network}" });
         console.log(container.id);
         setInterval(() => {}, 1_000);`,
        );
        const id = await lineOf(owner.stdout, /^[0-9a-f]{64}$/);
        const helper = helperOf(engine, id);

        if (victim === "owner") owner.child.kill("SIGKILL");
        else process.kill(liveOf(engine, id)[victim === "keeper" ? "keeper" : "pid"], "SIGKILL");

        await expect.poll(() => isAlive(helper), { timeout: 1_000 }).toBe(false);
      },
    );

    it("is there for twenty at once", async () => {
      const all = Array.from({ length: 20 }, () => shell("ls /sys/class/net", { network }));

      for (const { stdout } of await Promise.all(all)) expect(stdout).toBe("eth0\nlo\n");
    });
  });

  it.each(["/run/systemd/nowhere/stub", "../run/gone/resolv.conf"])(
    "has its name servers where an image's /etc/resolv.conf is a link to %s",
    async (target) => {
      const layer = [{ path: "etc/resolv.conf", type: "symlink", target }] as const;
      await engine.images.load(busyboxWith({ name: "linked:latest", layers: [layer] }));

      const { stdout } = await run("linked", ["cat", "/etc/resolv.conf"], {
        engine,
        remove: true,
        network: "none",
        dns: ["192.0.2.53"],
      });

      expect(stdout).toBe("nameserver 192.0.2.53\n");
    },
  );

  describe.runIf(connectable)("of another container", () => {
    it("is shared with its names", async () => {
      const { container, process: other } = await engine.containers.createAndStart({
        image: "busybox",
        command: ["sh", "-c", "mkdir /w; echo oi >/w/x; httpd -h /w -p 80; echo up; sleep 60"],
        name: "server",
        hostname: "kitchen",
      });
      await lineOf(other.stdout ?? Readable.from([]), /up/);

      const { stdout, isolation } = await shell(
        "hostname; printf 'GET /x HTTP/1.0\\r\\n\\r\\n' | nc 127.0.0.1 80 | tail -n 1; cat /etc/hosts",
        { network: `container:${container.id.slice(0, 12)}` },
      );

      const hosts = readFileSync(join(engine.root, "containers", container.id, "hosts"), "utf8");
      expect(stdout).toBe(`kitchen\noi\n${hosts}`);
      expect(isolation.network).toBe(`container:${container.id}`);
      other.kill("SIGKILL");
      await other.wait();
      await expect(shell("true", { network: "container:server" })).rejects.toMatchObject({
        code: "CONFLICT",
        message: "container server is not running",
      });
      await container.remove();
    });

    it("is refused names of its own, and one that is not there", async () => {
      await expect(shell("true", { network: "container:x", hostname: "y" })).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: 'conflicting options: "hostname" and "network": "container:x"',
      });
      await expect(shell("true", { network: "container:nobody" })).rejects.toMatchObject({
        code: "NOT_FOUND",
      });
    });
  });
});

const FAILS = "#!/bin/sh\necho talk; echo 'no way out' >&2; exit 1\n";

describe.runIf(ready)("where no helper works", () => {
  expectNothingLeft();

  let cli: Cli;

  beforeAll(async () => {
    cli = await busyboxCli();
  });

  const lookAtNetwork = ["busybox", "ls", "/sys/class/net"];
  const call = (path: string, ...args: readonly string[]) =>
    cli.call(["run", "--rm", ...args, ...lookAtNetwork], { env: { PATH: path } });

  it("a container has none, with one warning", async () => {
    const path = await programs({});

    expect(await call(path)).toEqual({
      exitCode: 0,
      stdout: "lo\n",
      stderr:
        "marmita: warning: no network: neither pasta nor slirp4netns is installed " +
        "(--network none says nothing)\n",
    });
    expect(await call(path, "--network=none")).toMatchObject({ stdout: "lo\n", stderr: "" });
  });

  it("one that was asked for is refused with what to install", async () => {
    const { exitCode, stderr } = await call(await programs({}), "--network=private");

    expect(exitCode).toBe(125);
    expect(stderr).toBe(
      'marmita: no network "private" here: neither pasta nor slirp4netns is installed\n' +
        "Install the package passt or slirp4netns (as root: apt-get install passt). " +
        'Or use network "none" or "host".\n',
    );
  });

  it.runIf(canConnect)("those that fail are told of", async () => {
    const path = await programs({ pasta: FAILS, slirp4netns: "#!/bin/sh\nexit 3\n" });

    expect(await call(path)).toMatchObject({
      stdout: "lo\n",
      stderr: expect.stringContaining(
        "no network: pasta: no way out; slirp4netns: it ended",
      ) as unknown,
    });
  });

  it.runIf(canConnect)("one that was asked for by name fails its start", async () => {
    const path = await programs({ pasta: FAILS });

    const { exitCode, stderr } = await call(path, "--network=pasta");

    expect(exitCode).toBe(125);
    expect(stderr).toContain("connect the network: pasta: no way out");
  });

  it("the second takes the place of a first that fails", async (context) => {
    needProgram(context, "slirp4netns");
    const path = await programs({ pasta: FAILS }, ["slirp4netns"]);
    const named = ["run", "--name", "second", ...lookAtNetwork];

    expect(await cli.call(named, { env: { PATH: path } })).toMatchObject({
      stdout: "eth0\nlo\n",
      stderr: "",
    });
    await cli.call(["rm", "second"]);
  });
});

/** A PATH with what maps ids, with scripts under some names, and some programs of this machine. */
async function programs(
  scripts: Readonly<Record<string, string>>,
  own: readonly string[] = [],
): Promise<string> {
  const folder = await temporaryFolder();
  for (const name of ["newuidmap", "newgidmap", "getsubids", ...own]) {
    const path = output(["sh", "-c", `command -v ${name} || :`]).trim();
    if (path !== "") symlinkSync(path, join(folder, name));
  }
  for (const [name, text] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), text, { mode: 0o755 });
  }
  return folder;
}

interface LiveFile {
  readonly keeper: number;
  readonly pid: number;
}

function liveOf(engine: Engine, id: string): LiveFile {
  const [line = ""] = readFileSync(join(engine.root, "live", id), "utf8").split("\n");
  return JSON.parse(line) as LiveFile;
}

/** The child of its keeper that is not the container's first process. */
function helperOf(engine: Engine, id: string): number {
  const { keeper, pid } = liveOf(engine, id);
  const children = readFileSync(`/proc/${keeper}/task/${keeper}/children`, "utf8");
  const [found, ...more] = children
    .trim()
    .split(" ")
    .map(Number)
    .filter((child) => child !== pid);
  if (found === undefined || more.length > 0) throw new Error(`children: ${children}`);
  return found;
}

/** Not, where its end waits only for this machine's first process to notice. */
function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

function whyClosed(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return String(error);
  }
}
