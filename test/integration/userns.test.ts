import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it, type TestContext } from "vitest";
import type { Engine } from "../../lib/engine/engine.ts";
import type { RunOptions } from "../../lib/engine/options.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { hostCannot, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const canRun = requireUserNamespaces();
expectNothingLeft();
const uid = process.getuid?.() ?? 0;
const gid = process.getgid?.() ?? 0;

describe.runIf(canRun)("a container whose caller is not root in it", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  const sh = async (script: string, options: RunOptions = {}) => {
    const { stdout, stderr } = await engine.containers.run("busybox", ["sh", "-c", script], {
      remove: true,
      network: "none",
      userns: "keep-id",
      ...options,
    });
    expect(stderr).toBe("");
    return stdout.trim();
  };

  const needSubids = async (context: TestContext) => {
    const { ids } = await engine.info();
    if (ids !== "subids") context.skip(hostCannot("give the caller another id", `ids are ${ids}`));
  };

  it("has the caller's own ids for its user", async () => {
    expect(await sh("id -u; id -g")).toBe(`${uid}\n${gid}`);
  });

  it("runs as who is asked for all the same", async () => {
    const { ids } = await engine.info();
    const user = ids === "single" ? `${uid}:${gid}` : "0:0";

    expect(await sh('echo "$(id -u):$(id -g)"', { user })).toBe(user);
  });

  it("writes to this machine as the caller", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "mine"), "before");

    const mounts = [{ type: "bind", source: folder, target: "/w" }] as const;
    expect(await sh("stat -c %u /w/mine; echo after > /w/mine; touch /w/new", { mounts })).toBe(
      String(uid),
    );

    expect(await readFile(join(folder, "mine"), "utf8")).toBe("after\n");
    expect(await stat(join(folder, "new"))).toMatchObject({ uid, gid });
  });

  it("sees the image's files with the owners that the image gives them", async (context) => {
    await needSubids(context);

    const owners = await sh("stat -c '%u:%g' / /etc /etc/passwd /bin/busybox /tmp");

    expect(new Set(owners.split("\n"))).toEqual(new Set(["0:0"]));
  });

  it("may not write what is root's, and makes what is needed as root", async (context) => {
    await needSubids(context);

    expect(
      await sh("touch /x 2>/dev/null || echo no; stat -c %u . ; pwd", { workdir: "/made/for" }),
    ).toBe("no\n0\n/made/for");
    expect(await sh("touch /x && chown 5:6 /x && stat -c %u:%g /x", { user: "root" })).toBe("5:6");
  });

  it("has the ids that are asked for", async (context) => {
    await needSubids(context);

    const userns = "keep-id:uid=1000,gid=50";
    expect(await sh("id -u; id -g; stat -c %u /etc/passwd", { userns })).toBe("1000\n50\n0");
  });

  it("is started again as it was", async () => {
    const options = { image: "busybox", network: "none", userns: "keep-id" } as const;
    const container = await engine.containers.create({
      ...options,
      command: ["sh", "-c", "id -u; cat /tmp/x 2>/dev/null; echo kept > /tmp/x"],
    });
    const outputs: string[] = [];
    for (let time = 0; time < 2; time++) {
      const process = await container.start();
      for await (const chunk of process.stdout ?? []) outputs.push(String(chunk).trim());
      await process.wait();
    }
    await container.remove();

    expect(outputs.join("\n").split("\n")).toEqual([String(uid), String(uid), "kept"]);
  });

  it("has the network that others have", async () => {
    const addresses = "ip -4 addr show | grep -c inet";
    const run = (options: RunOptions) => {
      return engine.containers.run("busybox", ["sh", "-c", addresses], {
        remove: true,
        ...options,
      });
    };

    const [kept, usual] = [await run({ userns: "keep-id" }), await run({})];

    expect(kept.stdout).toBe(usual.stdout);
    expect(kept.isolation.network).toBe(usual.isolation.network);
  });

  it("keeps the helper out of reach", async () => {
    const { stdout } = await engine.containers.run(
      "busybox",
      ["sh", "-c", "cat /proc/1/environ | wc -c; head -c 4 /proc/1/exe | wc -c"],
      { remove: true, network: "none", userns: "keep-id", init: true },
    );

    expect(stdout.trim().split(/\s+/)).toEqual(["0", "0"]);
  });

  it("is told by inspect", async () => {
    const container = await engine.containers.create({ image: "busybox", userns: "keep-id" });
    const { HostConfig, Config } = await container.inspect();
    await container.remove();

    expect(HostConfig.UsernsMode).toBe("keep-id");
    expect(Config.User).toBe(uid === 0 ? "0" : `${uid}:${gid}`);
  });

  it.each(["nomap", "container:x"])("is not one with %s", async (userns) => {
    await expect(sh("true", { userns })).rejects.toMatchObject({ code: "UNSUPPORTED" });
  });

  it("has every id as it is in the image host already", async () => {
    const { stdout } = await engine.containers.run("host", ["id", "-u"], {
      remove: true,
      network: "none",
      userns: "keep-id",
    });

    expect(stdout.trim()).toBe(String(uid));
  });
});
