/** What other runtimes write as a beginning of a bundle, and what a config.json can ask for, run. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import { chooseIdMapping } from "../../lib/runtime/id-maps.ts";
import { runBareBundle } from "../helpers/bare-bundle.ts";
import { fillRootfs, type Spec } from "../helpers/bundles.ts";
import { output } from "../helpers/command.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { hostCannot, requireProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able = requireUserNamespaces();

describe("a bundle's config.json", () => {
  expectNothingLeft();

  let bundle: string;
  let runs = 0;

  beforeAll(async () => {
    bundle = await temporaryFolder();
    if (able) fillRootfs(join(bundle, "rootfs"), busyboxLayer());
  });

  /** As `runtime` writes it, with another command and these changes. */
  function written(runtime: string, options: readonly string[]): Spec {
    rmSync(join(bundle, "config.json"), { force: true });
    output([runtime, "spec", ...options], { cwd: bundle });
    return JSON.parse(readFileSync(join(bundle, "config.json"), "utf8")) as Spec;
  }

  function run(spec: object) {
    runs += 1;
    return runBareBundle(bundle, {
      config: JSON.stringify(spec),
      states: join(bundle, `state-${runs}`),
    });
  }

  it.for([
    ["crun", []],
    ["crun", ["--rootless"]],
    ["runc", []],
    ["runc", ["--rootless"]],
  ] as const)("runs as %s spec %j writes it", async ([runtime, options]) => {
    if (!requireProgram(runtime)) return;
    const spec = written(runtime, options);
    const script = "id -u; echo $$; hostname; ls /dev/null /dev/pts/ptmx; touch /a";
    const process = { ...spec.process, args: ["sh", "-c", script], terminal: false };

    const { output: printed } = await run({ ...spec, process });

    expect(printed).toBe(
      `0\n1\n${runtime}\n/dev/null\n/dev/pts/ptmx\ntouch: /a: Read-only file system\n`,
    );
  });

  const NAMESPACES = ["pid", "mount", "ipc", "uts", "network"].map((type) => ({ type }));
  const MOUNTS = [
    { destination: "proc", type: "proc" }, // as from /
    { destination: "/dev", type: "tmpfs", options: ["mode=755"] },
  ];

  interface Changes {
    readonly process?: object;
    readonly linux?: object;
    readonly mounts?: readonly object[];
    readonly root?: object;
    readonly hostname?: string;
    readonly domainname?: string;
  }

  /** A script in a container of little. */
  async function runScript(script: string, changes: Changes = {}) {
    const { process, linux, mounts = [], ...others } = changes;
    return run({
      ociVersion: "1.2.0",
      root: { path: "rootfs" },
      ...others,
      process: {
        user: { uid: 0, gid: 0, username: "cook" },
        args: ["sh", "-c", script],
        env: ["PATH=/bin"],
        cwd: "/",
        ...process,
      },
      mounts: [...MOUNTS, ...mounts],
      linux: { namespaces: NAMESPACES, ...linux },
    });
  }

  const SETS = "grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status | tr -s '\\t\\n' ' '";
  const KILL = ["CAP_KILL"];
  const HEX = "0000000000000020";
  const ALL_SETS = { bounding: KILL, permitted: KILL, effective: KILL, inheritable: KILL };

  const cases: readonly (readonly [string, Changes, string, string])[] = [
    ["is root by number, whatever the name", {}, "id -u; echo $HOME", "0\n/root\n"],
    ["has the usual mask", {}, "umask", "0022\n"],
    ["has its own mask", { process: { user: { uid: 0, gid: 0, umask: 63 } } }, "umask", "0077\n"],
    ["begins where it says", { process: { cwd: "/new/place" } }, "pwd", "/new/place\n"],
    [
      "has all five sets",
      { process: { capabilities: { ...ALL_SETS, ambient: KILL } } },
      SETS,
      `CapInh: ${HEX} CapPrm: ${HEX} CapEff: ${HEX} CapBnd: ${HEX} CapAmb: ${HEX} `,
    ],
    [
      "has its names",
      { hostname: "box", domainname: "one.test" },
      "hostname; cat /proc/sys/kernel/domainname",
      "box\none.test\n",
    ],
    [
      "has its settings",
      { linux: { sysctl: { "net.ipv4.ip_forward": "1", "kernel.domainname": "two.test" } } },
      "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/domainname",
      "1\ntwo.test\n",
    ],
    [
      "hides and protects paths",
      { linux: { maskedPaths: ["/etc/passwd", "/nosuch"], readonlyPaths: ["/etc", "/proc/sys"] } },
      "cat /etc/passwd; touch /etc/a; touch /b && echo made; rm /b",
      "touch: /etc/a: Read-only file system\nmade\n",
    ],
    [
      "has a root that is read-only",
      { root: { path: "rootfs", readonly: true } },
      "touch /a; touch /dev/a && echo made",
      "touch: /a: Read-only file system\nmade\n",
    ],
    [
      "shows the machine's where it shares a namespace with it",
      {
        linux: { namespaces: [{ type: "mount" }, { type: "uts" }] },
        mounts: [
          { destination: "/sys", type: "sysfs", options: ["ro", "nosuid"] },
          { destination: "/dev/mqueue", type: "mqueue" },
        ],
      },
      "ls /sys/class/net/lo/mtu; [ $$ -ne 1 ] && ls -d /proc/$$",
      "/sys/class/net/lo/mtu\n",
    ],
  ];

  it.for(cases)("%s", async ([, changes, script, expected]) => {
    const { output: printed, exitCode } = await runScript(script, changes);

    expect({ printed, exitCode }).toMatchObject({
      printed: expect.stringContaining(expected) as string,
    });
  });

  it("has the groups that are listed, and no others", async (context) => {
    const { mode, reason = "" } = await chooseIdMapping();
    if (mode === "single") context.skip(hostCannot("map groups", reason));
    const user = { uid: 1, gid: 2, additionalGids: [3, 4] };

    const { output: printed } = await runScript("id -u; id -g; grep Groups /proc/self/status", {
      process: { user },
    });

    expect(printed).toBe("1\n2\nGroups:\t3 4 \n");
  });

  it("runs without what cannot be granted, and says so", async () => {
    const capabilities = { ...ALL_SETS, bounding: [...KILL, "CAP_ODD"], ambient: ["CAP_CHOWN"] };

    const { output: printed, warnings } = await runScript("grep CapAmb /proc/self/status", {
      process: { capabilities },
    });

    expect(printed).toBe("CapAmb:\t0000000000000000\n");
    expect(warnings.filter((text) => text.startsWith("process."))).toEqual([
      "process.capabilities.bounding: cannot be granted: CAP_ODD",
      "process.capabilities.ambient: not permitted and inheritable: CAP_CHOWN",
    ]);
  });

  it("is refused with an id that is not mapped", async () => {
    const one = [{ containerID: 0, hostID: process.geteuid?.() ?? 0, size: 1 }];
    const group = [{ containerID: 0, hostID: process.getegid?.() ?? 0, size: 1 }];
    const namespaces = [...NAMESPACES, { type: "user" }];

    await expect(
      runScript("true", {
        process: { user: { uid: 7, gid: 0 } },
        linux: { namespaces, uidMappings: one, gidMappings: group },
      }),
    ).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      details: { field: "process.user.uid", value: 7 },
    });
  });
});
