/** The verb `create`: a container that waits for its start, and that nobody of ours keeps. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BareContainer, isAlive } from "../helpers/bare.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

requireUserNamespaces();

describe("a bare container", () => {
  expectNothingLeft();

  it("waits for its start, and nobody of ours waits with it", async () => {
    const box = await BareContainer.create({ command: ["echo", "started"] });

    await box.starter.ended;
    expect(isAlive(box.pid)).toBe(true);
    expect(readFileSync(box.output, "utf8")).toBe("");

    expect(await box.start()).toBe("");
    expect(await box.written(box.pid)).toBe("started\n");
  });

  it.for(["single", "auto"] as const)("is root of its namespaces: ids %s", async (ids) => {
    const script = "id -u; id -g; echo $$; cat /proc/self/uid_map | wc -l";
    const box = await BareContainer.create({ ids, command: ["sh", "-c", script] });

    expect(await box.start()).toBe("");
    expect(await box.written(box.pid)).toMatch(/^0\n0\n1\n\d+\n$/);
  });

  it("tells its start of a command that goes between create and start", async () => {
    const box = await BareContainer.create({
      command: ["/bin/tool"],
      before: [["file", "/bin/tool", 0o755, "#!/no/such/interpreter\n"]],
    });

    const told: unknown = JSON.parse(await box.start());

    expect(told).toMatchObject({
      event: "failed",
      step: "exec",
      what: "exec /bin/tool, whose interpreter /no/such/interpreter cannot be run",
      exitCode: 127,
    });
    await box.written(box.pid);
  });

  it.for([
    [["nosuch"], "exec nosuch: not found in $PATH", 127],
    [["/no/such"], "exec /no/such", 127],
    [["/bin"], "exec /bin", 126],
    [["/etc/passwd"], "exec /etc/passwd, which is not executable", 126],
  ] as const)(
    "is refused with a command that is not there: %s",
    async ([command, what, exitCode]) => {
      const box = await BareContainer.begin({
        command,
        before: [["file", "/etc/passwd", 0o644, "root:x:0:0::/:/bin/sh\n"]],
      });

      expect(await box.expect("failed")).toMatchObject({ step: "exec", what, exitCode });
      await box.starter.ended;
    },
  );

  it.for(["single", "auto"] as const)(
    "may have its root moved, not pivoted: ids %s",
    async (ids) => {
      const script = "cd ..; ls -d bin root; ls -d work; cut -d ' ' -f 2 /proc/mounts";
      const box = await BareContainer.create({
        ids,
        command: ["sh", "-c", script],
        pivot: [["move-root"]],
      });

      expect(await box.start()).toBe("");
      expect(await box.written(box.pid)).toBe(
        "bin\nroot\nls: work: No such file or directory\n/\n/proc\n",
      );
    },
  );

  it("has no other /proc below such a root, which a namespace inside could mount anew", async () => {
    const mount = "mount -t proc proc /tmp && echo mounted";
    const box = await BareContainer.create({
      command: ["unshare", "-r", "-m", "-p", "-f", "sh", "-c", mount],
      before: [["mask", "/proc/keys"]],
      pivot: [["move-root"]],
    });

    expect(await box.start()).toBe("");
    expect(await box.written(box.pid)).toBe("mount: permission denied (are you root?)\n");
  });

  it("does not begin where somebody else has made its pipe", async () => {
    const box = await BareContainer.begin({ command: ["true"], files: ["exec.fifo"] });

    expect(await box.expect("failed")).toMatchObject({ step: "exec-fifo", errno: 17 });
    await box.starter.ended;
  });
});
