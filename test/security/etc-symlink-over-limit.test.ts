/** An image whose /etc/hosts is a link to a limit of the kernel, so that the limit is written to a file instead. */
import { describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import { testEngine } from "../helpers/engine.ts";
import { busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const LIMIT = "/proc/sys/user/max_user_namespaces";

describe.runIf(requireUserNamespaces())("a link of an image into the kernel's files", () => {
  expectNothingLeft();

  it.each(["hosts", "hostname", "resolv.conf"])(
    "for /etc/%s does not make a mount that covers a limit yet to be set",
    async (name) => {
      const engine = await testEngine();
      const link = { path: `etc/${name}`, type: "symlink", target: LIMIT } as const;
      await engine.images.load(busyboxWith({ name: `covered:${name}`, layers: [[link]] }));

      const running = run(`covered:${name}`, ["cat", LIMIT], { engine, remove: true });

      await expect(running).rejects.toMatchObject({
        code: "START_FAILED",
        message: expect.stringContaining(
          `/etc/${name}: it would cover the kernel's files`,
        ) as unknown,
      });
    },
  );
});
