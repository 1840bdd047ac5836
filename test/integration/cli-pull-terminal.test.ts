import { randomBytes } from "node:crypto";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import { image } from "../../fixtures/layout-writer.mjs";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import { type FaultProxy, startFaultProxy } from "../helpers/fault-proxy.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { putImage } from "../helpers/registry-images.ts";
import { requireRegistry, startRegistry } from "../helpers/registry.ts";
import { Screen } from "../helpers/screen.ts";
import { Shell } from "../helpers/shell.ts";
import { TestTerminal, type TerminalOptions } from "../helpers/terminal.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { type Cli, emptyCli, PROGRAM } from "./cli-command.ts";

const CTRL_C = "\x03";
const CTRL_Z = "\x1a";
const able = requireUserNamespaces() && requireRegistry();

describe.runIf(able)("marmita pull in a terminal", () => {
  expectNothingLeft();

  let proxy: FaultProxy;
  let cli: Cli;
  let terminal: TestTerminal | undefined;
  /** The id of the big layer as it is shown. */
  let id: string;

  beforeAll(async () => {
    const registry = await startRegistry();
    proxy = await startFaultProxy(registry.url);
    const big = tarArchive([{ path: "big", content: randomBytes(3_000_000) }]);
    const put = await putImage(registry.url, "big", "latest", image([big]));
    id = put.layers[0]?.digest.slice("sha256:".length).slice(0, 12) ?? "";
    await putImage(registry.url, "small", "latest", image([busyboxLayer()]));
    cli = await emptyCli();
  });
  afterEach(async () => {
    await terminal?.[Symbol.asyncDispose]();
    terminal = undefined;
    proxy.clear();
    await cli.call(["image", "prune", "-af"]);
  });

  function marmita(args: readonly string[], options: TerminalOptions = {}): TestTerminal {
    const env = { ...process.env, MARMITA_ROOT: cli.root, TERM: "xterm" };
    terminal = new TestTerminal([process.execPath, PROGRAM, ...args], { env, ...options });
    return terminal;
  }

  /** What is to be seen in the end. */
  function seen({ text }: TestTerminal, columns: number): readonly string[] {
    const screen = new Screen(columns, 24);
    screen.write(text);
    return screen.lines;
  }

  it("shows a line for each layer, and leaves the last state of each", async () => {
    const shown = marmita(["pull", `${proxy.host}/big`], { columns: 120 });

    expect(await shown.ended()).toBe("exited 0");
    expect(seen(shown, 120)).toEqual([
      "Using default tag: latest",
      "latest: Pulling from big",
      `${id}: Pull complete`,
      expect.stringMatching(/^Digest: sha256:/),
      `Status: Downloaded newer image for ${proxy.host}/big:latest`,
      `${proxy.host}/big:latest`,
    ]);
  });

  it("shows how far a layer is, fitted to the window, until ^C", async () => {
    proxy.misbehave({ at: "blob", does: { kind: "stall", at: 0.5 } });
    const shown = marmita(["pull", `${proxy.host}/big:latest`], { columns: 120 });
    await shown.shows(/: Downloading \[={5,25}> {25,45}\] +[\d.]+[kM]B\/3MB/);

    shown.resize(60, 10);
    await shown.shows(/: Downloading \[=+> +\] +[\d.]+[kM]B\/3MB/);
    shown.type(CTRL_C);

    expect(await shown.ended()).toBe("exited 130");
    expect(await shown.mode()).toBe(await shown.before);
    const line = seen(shown, 120).at(-1) ?? "";
    expect(line).toMatch(/^[0-9a-f]{12}: Downloading \[=+> +\] +[\d.]+[kM]B\/3MB$/);
    expect(line.length).toBeLessThan(60);
    expect((await cli.call(["images", "-q"])).stdout).toBe("");

    // What came is kept, and the next goes on from there.
    expect((await cli.call(["pull", "-q", `${proxy.host}/big`])).exitCode).toBe(0);
    const ranges = proxy.seen.filter(({ stage }) => stage === "blob").map(({ range }) => range);
    expect(ranges).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d{5,6}-$/)]);
  });

  it("says that it tries again, and for what reason", async () => {
    proxy.misbehave({ at: "blob", does: { kind: "break", at: 0.5 } });
    const shown = marmita(["pull", `${proxy.host}/big:latest`], { columns: 120 });

    await shown.shows(/: Retrying in 1 second \(.+\)/);
    expect(await shown.ended()).toBe("exited 0");
    expect(seen(shown, 120)).toContain(`${id}: Pull complete`);
  });

  it("shows nothing but the name with -q", async () => {
    const shown = marmita(["pull", "-q", `${proxy.host}/small`]);

    expect(await shown.ended()).toBe("exited 0");
    expect(shown.text).toBe(`${proxy.host}/small:latest\r\n`);
  });

  it("begins a run, whose terminal is the container's then", async () => {
    const args = ["run", "--rm", "-it", "-e", "PS1=box> ", `${proxy.host}/small`, "sh"];
    const shown = marmita(args, { columns: 120, env: { ...process.env, MARMITA_ROOT: cli.root } });

    await shown.shows(/^Unable to find image '.*\/small:latest' locally\r\n/);
    await shown.shows(/: Pull complete/);
    await shown.shows(/Status: Downloaded newer image for .*\r\n/);
    await shown.shows(/box> /);
    shown.type("stty size; exit 3\r");
    await shown.shows(/24 120/);

    expect(await shown.ended()).toBe("exited 3");
    expect(await shown.mode()).toBe(await shown.before);
  });

  it("ends a run that has not begun, with ^C", async () => {
    proxy.misbehave({ at: "blob", does: { kind: "stall", at: 0.5 } });
    const shown = marmita(["run", "--rm", "-it", `${proxy.host}/big`], { columns: 120 });
    await shown.shows(/: Downloading \[/);
    shown.type(CTRL_C);

    expect(await shown.ended()).toBe("exited 130");
    expect((await cli.call(["ps", "-aq"])).stdout).toBe("");
  });

  it("stops with ^Z, and goes on below with fg", async () => {
    proxy.misbehave({ at: "blob", does: { kind: "stall", at: 0.5 } });
    await using shell = await Shell.open(cli.root);
    shell.type(`marmita pull ${proxy.host}/big:latest`);
    await shell.shows(/: Downloading \[=/);
    shell.press(CTRL_Z);
    await shell.shows(/Stopped[^]*host\$ $/);
    shell.type("fg");
    const text = await shell.shows(/fg[^]*Downloading \[=/);

    // Drawn anew, not over what the shell has written.
    expect(text).not.toContain("\x1b[1A");
    shell.press(CTRL_C);
    await shell.prompt();
    expect(await shell.lines("echo $?")).toEqual(["130"]);
  });
});
