/** What the command line shows of pulls and pushes that fail has no password, token or signature. */
import { writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { image } from "../../fixtures/layout-writer.mjs";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import { type Fault, type FaultProxy, startFaultProxy } from "../helpers/fault-proxy.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { randomBytesOf } from "../helpers/random.ts";
import { putImage } from "../helpers/registry-images.ts";
import { requireRegistry, startRegistry } from "../helpers/registry.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { type Cli, busyboxCli } from "../integration/cli-command.ts";

const canRun = requireUserNamespaces() && requireRegistry();
const LOGIN = { username: "ana", password: "quindim-de-coco" };

const WITHOUT_SECRETS = {
  exitCode: 1,
  isTold: true,
  tokens: expect.toSatisfy((count: number) => count > 0),
  secrets: [],
};

describe.runIf(canRun)("the command line", () => {
  expectNothingLeft();

  let proxy: FaultProxy;
  let cli: Cli;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    const { url } = await startRegistry();
    const content = randomBytesOf(300_000);
    await putImage(url, "box", "1", image([tarArchive([{ path: "file", content }])]));
    proxy = await startFaultProxy(url, { auth: LOGIN });
    cli = await busyboxCli();
    await cli.call(["tag", "busybox", `${proxy.host}/pushed:1`]);
    env = await settings(proxy);
  });
  beforeEach(() => proxy.clear());

  const always = { times: Infinity } as const;
  const pulls: readonly (readonly [string, Fault])[] = [
    ["is refused a token", { at: "token", does: { kind: "status", status: 403 }, ...always }],
    ["gets no token", { at: "token", does: { kind: "break", at: 0.5 }, ...always }],
    [
      "is refused a manifest",
      { at: "manifest-digest", does: { kind: "status", status: 403 }, ...always },
    ],
    ["gets half a blob", { at: "blob", does: { kind: "break", at: 0.5 }, ...always }],
    ["gets a wrong blob", { at: "blob", does: { kind: "flip", at: 0.5 }, ...always }],
  ];
  const elsewhere: readonly (readonly [string, Fault])[] = [
    ["refused", { at: "elsewhere", does: { kind: "status", status: 403 }, ...always }],
    ["cut off", { at: "elsewhere", does: { kind: "reset" }, ...always }],
    ["told nonsense", { at: "elsewhere", does: { kind: "garbage" }, ...always }],
    ["sent in a circle", { at: "elsewhere", does: { kind: "redirect" }, ...always }],
  ];

  it.each(pulls)("tells no secret of a pull that %s", async (_, fault) => {
    proxy.misbehave(fault);

    expect(await failed(["pull", `${proxy.host}/box:1`])).toMatchObject(WITHOUT_SECRETS);
  });

  it.each(elsewhere)("tells no signature of a storage where it is %s", async (_, fault) => {
    proxy.misbehave({ at: "blob", does: { kind: "redirect" }, ...always }, fault);

    expect(await failed(["pull", `${proxy.host}/box:1`])).toMatchObject(WITHOUT_SECRETS);
  });

  it("tells no secret of a push that is refused", async () => {
    proxy.misbehave({ at: "upload-put", does: { kind: "status", status: 403 }, ...always });

    expect(await failed(["push", `${proxy.host}/pushed:1`])).toMatchObject(WITHOUT_SECRETS);
  });

  it("tells no secret of what went well", async () => {
    proxy.misbehave({ at: "blob", does: { kind: "redirect" }, ...always });

    const pulled = await cli.call(["pull", `${proxy.host}/box:1`], { env });
    const inspected = await cli.call(["inspect", `${proxy.host}/box:1`], { env });

    expect(pulled).toMatchObject({ exitCode: 0 });
    expect(secretsIn(pulled.stdout + pulled.stderr + inspected.stdout)).toEqual([]);
    expect(secretsIn(readFileSync(join(cli.root, "events.jsonl"), "utf8"))).toEqual([]);
  });

  /** With whatever secrets it shows. */
  async function failed(args: readonly string[]) {
    const { exitCode, stdout, stderr } = await cli.call(args, { env });
    const tokens = proxy.count("token");
    return { exitCode, isTold: stderr !== "", tokens, secrets: secretsIn(stdout + stderr) };
  }

  function secretsIn(text: string): readonly string[] {
    return proxy.secrets.filter((secret) => text.includes(secret)).map((secret) => secret + text);
  }
});

/** A login, short time-outs, and all there is to be seen. */
async function settings({ host }: FaultProxy): Promise<NodeJS.ProcessEnv> {
  const folder = await temporaryFolder();
  const auth = Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString("base64");
  const authFile = join(folder, "auth.json");
  await writeFile(authFile, JSON.stringify({ auths: { [host]: { auth } } }), { mode: 0o600 });
  const registries = join(folder, "registries.json");
  const timeouts = { connectMs: 2_000, headersMs: 500, idleMs: 500 };
  await writeFile(registries, JSON.stringify({ registries: { [host]: { timeouts } } }));
  return { REGISTRY_AUTH_FILE: authFile, MARMITA_REGISTRIES: registries, MARMITA_DEBUG: "1" };
}
