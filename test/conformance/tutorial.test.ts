/** The tutorial's pages, line by line, in a real terminal: containers in the background, images. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import { image } from "../../fixtures/layout-writer.mjs";
import { temporaryFolder } from "../helpers/folder.ts";
import { clockArchive } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { putImage } from "../helpers/registry-images.ts";
import { requireRegistry, startRegistry } from "../helpers/registry.ts";
import { Screen } from "../helpers/screen.ts";
import { Shell } from "../helpers/shell.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, type Cli } from "../integration/cli-command.ts";

const CTRL_C = "\x03";
const CTRL_P = "\x10";
const CTRL_Q = "\x11";
const ID = /^[0-9a-f]{64}$/;
/** What busybox's `date` prints. */
const TIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d UTC \d{4}$/;
/** Ten seconds of it are a `stop`'s. */
const STORY_MS = 90_000;

describe.runIf(requireUserNamespaces())("the tutorial", () => {
  expectNothingLeft();

  let cli: Cli;
  let shell: Shell;

  beforeAll(async () => {
    cli = await busyboxCli();
    const { exitCode, stderr } = await cli.call(["load", "-q", "-i", clockArchive()]);
    if (exitCode !== 0) throw new Error(stderr);
  });

  afterEach(async () => {
    await cli.removeContainers(); // of a story cut short
  });

  it(
    "on containers in the background is told as it is written",
    { timeout: STORY_MS },
    async () => {
      await using told = await Shell.open(cli.root);
      shell = told;

      // In the foreground, ^C ends it.
      shell.type("marmita run jpetazzo/clock");
      await shell.shows(/\w{3} \w{3} .* UTC \d{4}\r\n/);
      shell.press(CTRL_C);
      await shell.prompt();
      expect(await shell.lines("marmita ps -q")).toEqual([]);
      await shell.lines("marmita rm $(marmita ps -lq)");

      // In the background, its id is all that is printed.
      const first = await background();
      expect(await shell.lines("marmita ps")).toEqual([
        expect.stringMatching(/^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES$/),
        row(first, "Up .*"),
      ]);
      const second = await background();
      const third = await background();

      const [, last, ...noMore] = await shell.lines("marmita ps -l");
      expect(last).toEqual(row(third, "Up .*"));
      expect(noMore).toEqual([]);
      expect(await shell.lines("marmita ps -q")).toEqual([third, second, first].map(short));
      expect(await shell.lines("marmita ps -lq")).toEqual([short(third)]);

      // What it printed, by the start of its id.
      const prefix = uniquePrefix(third, [first, second]);
      const logged = await shell.lines(`marmita logs ${prefix}`);
      expect(logged.length).toBeGreaterThan(0);
      for (const line of logged) expect(line).toMatch(TIME);
      const length = async () => (await shell.lines(`marmita logs ${prefix}`)).length;
      await expect.poll(length, { timeout: 15_000, interval: 250 }).toBeGreaterThan(3);
      expect(await shell.lines(`marmita logs --tail 3 ${prefix}`)).toHaveLength(3);
      shell.type(`marmita logs --tail 1 --follow ${prefix}`);
      for (let line = 0; line < 3; line++) await shell.shows(/ UTC \d{4}\r\n/);
      shell.press(CTRL_C);
      await shell.prompt();
      expect(await shell.lines("marmita ps -lq")).toEqual([short(third)]); // only its reader ended

      // A shell that is the first process does not hear TERM: it takes ten seconds.
      const began = performance.now();
      const toStop = uniquePrefix(first, [second, third]);
      expect(await shell.lines(`marmita stop ${toStop}`)).toEqual([toStop]);
      const tookMs = performance.now() - began;
      expect(tookMs).toBeGreaterThan(9_900);
      expect(tookMs).toBeLessThan(13_000);

      const both = [third, second].map(short);
      expect(await shell.lines(`marmita kill ${both.join(" ")}`)).toEqual(both);
      expect(await shell.lines("marmita ps -q")).toEqual([]);
      expect((await shell.lines("marmita ps -a")).slice(1)).toEqual(
        [third, second, first].map((id) => row(id, String.raw`Exited \(137\) .* ago`)),
      );

      // Started again, attached to: what it prints is seen, and logged too; ^C ends it.
      const id = short(first);
      const before = (await shell.lines(`marmita logs ${id}`)).length;
      expect(await shell.lines(`marmita start ${id}`)).toEqual([id]);
      expect(await shell.lines("marmita ps -q")).toEqual([id]);
      shell.type(`marmita attach ${id}`);
      await shell.shows(/ UTC \d{4}\r\n/);
      await shell.shows(/ UTC \d{4}\r\n/);
      shell.press(CTRL_C); // told by --sig-proxy, busybox's shell ends: unlike TERM it catches INT
      await shell.prompt();
      expect(await shell.lines("marmita ps -q")).toEqual([]);
      const after = await shell.lines(`marmita logs ${id}`);
      expect(after.length).toBeGreaterThan(before + 1);
      expect(await shell.lines("marmita rm $(marmita ps -aq)")).toHaveLength(3);
    },
  );

  it("on detaching is told as it is written", { timeout: STORY_MS }, async () => {
    await using told = await Shell.open(cli.root);
    shell = told;

    shell.type("marmita run -it --name clock jpetazzo/clock");
    await shell.shows(/ UTC \d{4}\r\n/);
    shell.press(CTRL_P + CTRL_Q);
    await shell.prompt();
    const [, only] = await shell.lines("marmita ps");
    expect(only).toMatch(/jpetazzo\/clock .* Up .* clock$/);

    shell.type("marmita attach clock");
    await shell.shows(/ UTC \d{4}\r\n/);
    shell.press(CTRL_P + CTRL_Q);
    await shell.prompt();
    expect(await shell.lines("marmita ps -q")).toHaveLength(1);

    shell.type("marmita attach clock");
    await shell.shows(/ UTC \d{4}\r\n/);
    shell.press(CTRL_C); // goes to the process through its terminal
    await shell.prompt();
    expect(await shell.lines("marmita ps -q")).toEqual([]);
    const [, ended] = await shell.lines("marmita ps -l");
    expect(ended).toMatch(/ Exited \(\d+\) .* ago +clock$/);

    // Started again it keeps its terminal, and another sequence leaves it.
    expect(await shell.lines("marmita start clock")).toEqual(["clock"]);
    shell.type("marmita attach --detach-keys ctrl-x,x clock");
    await shell.shows(/ UTC \d{4}\r\n/);
    shell.press("\x18x");
    await shell.prompt();
    expect(await shell.lines("marmita kill clock")).toEqual(["clock"]);
    expect(await shell.lines("marmita rm clock")).toEqual(["clock"]);
  });

  it.runIf(requireRegistry())("on images is told as it is written", async () => {
    const registry = await startRegistry();
    const { digest } = await putImage(
      registry.url,
      "library/debian",
      "jessie",
      image([busyboxLayer()]),
    );
    const config = join(await temporaryFolder(), "registries.json");
    const registries = { "docker.io": { mirrors: [registry.url] } };
    await writeFile(config, JSON.stringify({ registries }));
    await using told = await Shell.open(cli.root);
    shell = told;
    await shell.lines(`export MARMITA_REGISTRIES=${config}`);

    expect(await seen("marmita pull debian:jessie")).toEqual([
      "jessie: Pulling from library/debian",
      expect.stringMatching(/^[0-9a-f]{12}: Pull complete$/),
      `Digest: ${digest}`,
      "Status: Downloaded newer image for debian:jessie",
      "docker.io/library/debian:jessie",
    ]);
    const [, line] = await shell.lines("marmita images debian");
    expect(line).toMatch(/^debian +jessie +[0-9a-f]{12} /);
    expect(await seen("marmita pull debian:jessie")).toContain(
      "Status: Image is up to date for debian:jessie",
    );
    await shell.lines("marmita rmi debian:jessie");

    // What is not here is pulled by the way.
    const shown = await seen("marmita run --rm debian:jessie echo hello world");
    expect(shown.slice(0, 2)).toEqual([
      "Unable to find image 'debian:jessie' locally",
      "jessie: Pulling from library/debian",
    ]);
    expect(shown.at(-1)).toBe("hello world");

    const [heading, ...found] = await shell.lines(`marmita search ${registry.host}/debian`);
    expect(heading).toMatch(/^NAME +DESCRIPTION +STARS +OFFICIAL/);
    expect(found).toEqual([expect.stringContaining(`${registry.host}/library/debian`)]);
    await shell.lines("marmita rmi debian:jessie");
  });

  /** What stands in the terminal when a command that moves about there has ended. */
  async function seen(command: string): Promise<readonly string[]> {
    const screen = new Screen(200, 50);
    screen.write((await shell.lines(command)).join("\r\n"));
    return screen.lines;
  }

  async function background(): Promise<string> {
    const lines = await shell.lines("marmita run -d jpetazzo/clock");
    const [id = "", ...more] = lines;
    if (!ID.test(id) || more.length > 0) throw new Error(`not an id: ${lines.join("\n")}`);
    return id;
  }
});

/** As many digits as tell it from `others`, and no fewer than the tutorial types. */
function uniquePrefix(id: string, others: readonly string[]): string {
  let length = 3;
  while (others.some((other) => other.startsWith(id.slice(0, length)))) length++;
  return id.slice(0, length);
}

function short(id: string): string {
  return id.slice(0, 12);
}

/** A line of `ps`. */
function row(id: string, status: string): unknown {
  const command = String.raw`"/bin/sh -c 'while d…"`;
  return expect.stringMatching(
    new RegExp(`^${short(id)} +jpetazzo/clock +${command} +.* ago +${status} +\\w+$`),
  );
}
