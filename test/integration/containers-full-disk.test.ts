import { describe, expect, it } from "vitest";
import { FULL, onSmallDisk, requireSmallDisk } from "../helpers/small-disk.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces() && requireSmallDisk())(
  "a full disk under the data root",
  () => {
    it("refuses a container, keeps nothing of it, and takes one when there is room again", async () => {
      const result = await onSmallDisk(
        "32m",
        `await engine.images.load(archive);
       fill();
       const create = await failure(engine.containers.create({ image: "busybox" }));
       const run = await failure(engine.containers.run("busybox", ["true"]));
       const before = traces();
       free();
       const { stdout } = await engine.containers.run("busybox", ["echo", "oi"], { remove: true });
       console.log(JSON.stringify({ create, run, before, stdout, after: traces() }));`,
      );

      expect(result).toEqual({ create: FULL, run: FULL, before: [], stdout: "oi\n", after: [] });
    });

    it("keeps nobody from removing a container, nor from telling how it ended", async () => {
      const result = await onSmallDisk(
        "32m",
        `await engine.images.load(archive);
       const box = await engine.containers.create({ image: "busybox",
         command: ["sh", "-c", "dd if=/dev/zero of=/big bs=4k 2>&1; exit 3"] });
       const started = await box.start({ stdout: "ignore" });
       const { exitCode } = await started.wait();
       const next = await openEngine({ root });
       const { state } = (await next.containers.list())[0];
       await next.containers.remove(box.id);
       await next.close();
       console.log(JSON.stringify({ exitCode, state, after: traces() }));`,
      );

      expect(result).toMatchObject({
        exitCode: 3,
        state: { status: "exited", exitCode: 3 },
        after: [],
      });
    });

    it("leaves a volume empty that it keeps from being filled, until there is room", async () => {
      const result = await onSmallDisk(
        "32m",
        `await engine.images.load(archive);
       const mounts = [{ type: "volume", source: "tools", target: "/bin" }];
       const options = { remove: true, network: "none", mounts, entrypoint: ["/bin/sh", "-c"] };
       await engine.containers.run("busybox", ["true"], { ...options, mounts: [{ ...mounts[0], target: "/x" }] });
       fill();
       // Room for the container, and for a part of what is copied.
       rmSync(root + "/filler");
       writeFileSync(root + "/filler", Buffer.alloc(room() - (768 << 10)));
       const run = await failure(engine.containers.run("busybox", ["true"], options));
       const left = readdirSync(root + "/volumes/tools").sort();
       const data = readdirSync(root + "/volumes/tools/_data").length;
       free();
       const { stdout } = await engine.containers.run("busybox", ["echo oi"], options);
       console.log(JSON.stringify({ run, left, data, stdout, after: traces() }));`,
      );

      expect(result).toEqual({
        run: { code: "START_FAILED", errno: "ENOSPC", hint: FULL.hint },
        left: ["_data", "users", "volume.json"],
        data: 0,
        stdout: "oi\n",
        after: [],
      });
    });

    it("leaves a file as it is that one is copied over, and lets all be copied out", async () => {
      const result = await onSmallDisk(
        "32m",
        `await engine.images.load(archive);
       const box = await engine.containers.create({ image: "busybox" });
       const here = mkdtempSync(tmpdir() + "/copy-");
       writeFileSync(here + "/big", Buffer.alloc(8 << 20, 1));
       writeFileSync(here + "/small", "old");
       await box.copyInto("/file", here + "/small");
       fill();
       const over = await failure(box.copyInto("/file", here + "/big"));
       const beside = await failure(box.copyInto("/other", here + "/big"));
       const left = readdirSync(root + "/containers/" + box.id + "/upper");
       await box.copyOut("/file", here + "/back");
       const text = readFileSync(here + "/back", "utf8");
       rmSync(here, { recursive: true });
       console.log(JSON.stringify({ over, beside, left, text }));`,
      );

      expect(result).toEqual({ over: FULL, beside: FULL, left: ["etc", "file"], text: "old" });
    });

    it("is what a command in a container meets that fills it, and can be removed", async () => {
      const result = await onSmallDisk(
        "32m",
        `await engine.images.load(archive);
       const command = ["dd", "if=/dev/zero", "of=/big", "bs=1M"];
       const { exitCode, stderr } = await engine.containers.run("busybox", command, { remove: true });
       console.log(JSON.stringify({ exitCode, stderr, after: traces() }));`,
      );

      expect(result).toEqual({
        exitCode: 1,
        stderr: expect.stringContaining("No space left on device") as string,
        after: [],
      });
    });
  },
);
