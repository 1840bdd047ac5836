import { describe, expect, it } from "vitest";
import { formatPlan } from "../../../lib/native/plan.ts";
import {
  type HostEntry,
  type HostRootInput,
  planHostRoot,
} from "../../../lib/runtime/host-image.ts";
import { parseMountinfo } from "../../../lib/runtime/mountinfo.ts";

const ME = 1500;

function directory(name: string, given: Partial<HostEntry> = {}): HostEntry {
  return { name, kind: "directory", mode: 0o755, uid: 0, gid: 0, isReadable: true, ...given };
}
const link = (name: string, text: string): HostEntry => {
  return { ...directory(name), kind: "symlink", link: text };
};
const file = (name: string, given: Partial<HostEntry> = {}): HostEntry => {
  return { ...directory(name), kind: "file", mode: 0o644, ...given };
};

const TREE: Readonly<Record<string, readonly HostEntry[]>> = {
  "/": [
    link("bin", "usr/bin"),
    directory("boot"),
    directory("dev"),
    directory("etc"),
    directory("home"),
    directory("proc"),
    directory("root", { mode: 0o700, isReadable: false }),
    directory("run"),
    directory("sys"),
    directory("tmp", { mode: 0o1777 }),
    directory("usr"),
    directory("var"),
    file("notice"),
    file("swapfile", { isReadable: false }),
  ],
  "/boot": [directory("efi"), directory("grub"), file("vmlinuz")],
  "/run": [directory("user"), link("current-system", "/nix/store/1")],
  "/run/user": [directory("1500", { uid: ME })],
  "/home": [directory("ana", { uid: ME, gid: ME, mode: 0o700 })],
  "/home/ana": [directory("remote"), directory("work", { uid: ME, gid: ME }), file(".bashrc")],
  "/var": [directory("lib"), directory("log"), directory("tmp", { mode: 0o1777 })],
};

const MOUNTS = `22 27 0:21 / /proc rw,relatime - proc proc rw
23 27 0:22 / /sys rw,relatime - sysfs sysfs rw
24 27 0:6 / /dev rw,relatime - devtmpfs devtmpfs rw,mode=755
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
28 27 0:30 / /boot/efi rw - vfat /dev/vda1 rw
29 27 0:31 / /run rw - tmpfs tmpfs rw
`;

function plan(given: Partial<HostRootInput> & { extraMounts?: string } = {}) {
  const { extraMounts = "", ...rest } = given;
  return planHostRoot({
    tree: { list: (path) => TREE[path] },
    mounts: parseMountinfo(MOUNTS + extraMounts),
    bundle: "/home/ana/data/containers/1",
    dataRoot: "/home/ana/data",
    visible: ["/home/ana/work", "/home/ana"],
    scratch: ["/var/tmp/marmita-1500", "/tmp/marmita-1500"],
    uid: ME,
    id: "1",
    ...rest,
  });
}

const overlays = ({ operations }: ReturnType<typeof plan>) =>
  operations.flatMap(([name, ...values]) => (name === "overlay-in" ? [values] : []));

describe("image host", () => {
  it("is this machine's root, an overlay for each directory", () => {
    const { operations, directories, extraPaths, notes } = plan();

    expect(formatPlan(operations)).toMatchSnapshot("operations");
    expect(directories).toMatchSnapshot("directories");
    expect(extraPaths).toEqual(["/var/tmp/marmita-1500/1"]);
    expect(notes).toEqual([
      "/boot/efi can only be read inside",
      "/root may not be read by this user: it is empty inside",
    ]);
  });

  it("writes to a place outside of the directory that holds the data root", () => {
    const [, upper] = overlays(plan()).find(([target]) => target === "/home") ?? [];

    expect(upper).toMatch(/^\/var\/tmp\/marmita-1500\/1\/upper\/\d+-home$/);
  });

  it("hides the data root and what other containers wrote", () => {
    const { operations } = plan();

    expect(operations.slice(-2)).toEqual([
      ["mask", "/home/ana/data"],
      ["mask", "/var/tmp/marmita-1500"],
    ]);
  });

  it("takes the next place where the data root is in the first one's directory", () => {
    const given = { dataRoot: "/var/lib/ana", bundle: "/var/lib/ana/containers/1" };

    expect(plan(given).extraPaths).toEqual(["/tmp/marmita-1500/1"]);
  });

  it("splits the directory where the only place is beside the data root", () => {
    const given = {
      dataRoot: "/var/lib/ana",
      bundle: "/var/lib/ana/containers/1",
      scratch: ["/var/tmp/marmita-1500"],
    };

    const made = overlays(plan(given)).map(([target, upper]) => [target, upper]);

    expect(made).toContainEqual(["/var/log", expect.stringMatching(/^\/var\/lib\/ana\//)]);
    expect(made).toContainEqual(["/var/lib", expect.stringMatching(/^\/var\/tmp\/marmita-1500/)]);
  });

  it("is refused where no place is outside of the data root's directory", () => {
    expect(() => plan({ scratch: [] })).toThrow(
      "image host: what is written to /home needs a place outside of it",
    );
  });

  it("splits a home with something mounted in it, and leaves it to its owner", () => {
    const remote = "30 27 0:40 / /home/ana/remote rw - fuse.sshfs far: rw\n";

    const { operations } = plan({ extraMounts: remote });

    const inHome = operations.filter((one) => one.some((word) => String(word).startsWith("/home")));
    expect(formatPlan(inHome)).toMatchSnapshot();
  });

  it("shows a working directory below /run", () => {
    const made = overlays(plan({ visible: ["/run/user/1500"] }));

    expect(made.map(([target]) => target)).toContain("/run/user/1500");
  });

  it("binds what is mounted read-only, and leaves kernel file systems out", () => {
    const extraMounts =
      "30 27 0:40 / /var/log ro - ext4 /dev/vdb rw\n" +
      "31 27 0:41 / /var/lib rw - autofs systemd-1 rw\n";

    const { operations } = plan({ extraMounts });

    expect(operations).toContainEqual(["bind", "/var/log", "/var/log", 1 | 2 | 4 | 8 | 16]);
    expect(operations).toContainEqual(["directory", "/var/lib", 0o755]);
  });

  it("only reads a directory with too much in it to be split", () => {
    const many = Array.from({ length: 300 }, (_, index) => directory(`d${index}`));
    const tree = { list: (path: string) => (path === "/var" ? many : TREE[path]) };
    const extraMounts = "30 27 0:40 / /var/d7/x rw - ext4 /dev/vdb rw\n";

    const { operations, notes } = plan({ tree, extraMounts });

    expect(operations).toContainEqual(["bind", "/var", "/var", 1 | 2 | 4 | 8 | 16]);
    expect(notes.at(-1)).toMatch(/^\/var has too much mounted below it/);
  });
});

describe("planHostRoot, where many leave their sockets and too much is mounted,", () => {
  const many = Array.from({ length: 300 }, (_, index) => directory(`d${index}`));
  const shared = { ...directory("tmp"), mode: 0o1777 };
  const tree = {
    list(path: string) {
      if (path === "/") return [...(TREE["/"] ?? []).filter(({ name }) => name !== "tmp"), shared];
      return path === "/tmp" ? many : TREE[path];
    },
  };
  const extraMounts = "30 27 0:40 / /tmp/d7/x rw - ext4 /dev/vdb rw\n";

  it("shows none of it", () => {
    const { operations, notes } = plan({ tree, extraMounts });

    expect(operations).toContainEqual(["directory", "/tmp", 0o1777]);
    expect(operations.filter(([name, path]) => name === "bind" && path === "/tmp")).toEqual([]);
    expect(notes.at(-1)).toBe("/tmp has too much mounted below it: it is empty inside");
  });

  it("shows the working directory", () => {
    const made = overlays(plan({ tree, extraMounts, visible: ["/tmp/d9"] }));

    expect(made.map(([target]) => target)).toContain("/tmp/d9");
  });
});

describe("parseMountinfo", () => {
  it("reads odd paths, and read-only from mount and superblock", () => {
    const text =
      "1 0 8:1 / /a\\040b ro,relatime master:1 - ext4 /dev/sda1 rw\n" +
      "2 0 8:1 / /c rw,relatime - squashfs /dev/loop0 ro\n" +
      "no mount\n";

    expect(parseMountinfo(text)).toEqual([
      { path: "/a b", type: "ext4", isReadOnly: true, isShared: false, isSlave: true },
      { path: "/c", type: "squashfs", isReadOnly: true, isShared: false, isSlave: false },
    ]);
  });
});
