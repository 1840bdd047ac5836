/** Whether mounts of a bundle's container reach who runs it: where both have one user namespace. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { output } from "../helpers/command.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { busyboxRuntime, type RuntimeCli } from "../helpers/runtime-cli.ts";
import { requireProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const UNSHARE = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec"];
const CAPABILITIES = ["CAP_SYS_ADMIN"];

describe.runIf(requireUserNamespaces() && requireProgram("unshare"))(
  "mounts of a container",
  () => {
    expectNothingLeft();

    let runtime: RuntimeCli;
    let volume: string;

    beforeAll(async () => {
      runtime = (await busyboxRuntime()).with("--cgroup-manager=disabled");
      volume = join(runtime.bundle, "volume");
      mkdirSync(join(volume, "in"), { recursive: true });
    });

    /**
     * The mount points below the bundle that a caller has then, all of whose mounts are shared, beside
     * that of the root file system.
     */
    function pointsOutside(
      rootfsPropagation: string | undefined,
      option: string,
    ): readonly string[] {
      const script = "mount -t tmpfs in /volume/in && mount -t tmpfs own /run";
      runtime.configure(["sh", "-c", script], (spec) => ({
        ...spec,
        process: {
          ...spec.process,
          capabilities: {
            bounding: CAPABILITIES,
            effective: CAPABILITIES,
            permitted: CAPABILITIES,
          },
        },
        root: { path: "rootfs" },
        mounts: [
          { destination: "/proc", type: "proc" },
          { destination: "/run", type: "tmpfs" },
          { destination: "/volume", source: volume, options: ["rbind", option] },
        ],
        linux: {
          namespaces: [{ type: "mount" }, { type: "pid" }, { type: "uts" }],
          ...(rootfsPropagation !== undefined && { rootfsPropagation }),
        },
      }));
      const shown = output(
        [
          ...UNSHARE,
          'mount --make-rshared /; mount --bind rootfs rootfs; "$@"; cat /proc/self/mountinfo',
          "sh",
          ...runtime.argv("run", "propagating"),
        ],
        { cwd: runtime.bundle },
      );
      const points = shown.split("\n").map((line) => line.split(" ")[4] ?? "");
      return points.filter((point) => point.startsWith(`${runtime.bundle}/`)).slice(1);
    }

    it("reach it through what is shared, where the root is", () => {
      expect(pointsOutside("shared", "rshared")).toEqual([join(volume, "in")]);
    });

    it.for([
      [undefined, "rshared"],
      ["slave", "rshared"],
      ["private", "rshared"],
      ["shared", "rprivate"],
      ["shared", "rslave"],
    ] as const)(
      "reach it no other way: a root that is %s, a mount that is %s",
      ([root, option]) => {
        expect(pointsOutside(root, option)).toEqual([]);
      },
    );
  },
);
