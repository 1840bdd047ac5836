/** The device nodes of this machine that the caller may use: what a privileged container gets. */
import { constants } from "node:fs";
import { access, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Made by the container itself, or of no use in it (runc, libcontainer/devices, GetDevices). */
const LEFT_OUT =
  /^\/dev\/(?:pts|shm|fd|mqueue|\.lxc|\.lxd-mounts|\.udev|null|zero|full|random|urandom|tty|ptmx|console)$/;
/** Whose screen and keyboard it is, is for the machine to say (podman, isVirtualConsoleDevice). */
const VIRTUAL_CONSOLE = /^\/dev\/(?:tty|vcs[au]?)\d*$/;

/** Absolute paths, sorted. What cannot be listed is left out. */
export async function usableDevices(directory = "/dev"): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const found = await Promise.all(
    entries.map(async (entry): Promise<readonly string[]> => {
      const path = join(directory, entry.name);
      if (LEFT_OUT.test(path) || VIRTUAL_CONSOLE.test(path)) return [];
      if (entry.isDirectory()) return usableDevices(path);
      const isDevice = entry.isCharacterDevice() || entry.isBlockDevice();
      return isDevice && (await mayOpen(path)) ? [path] : [];
    }),
  );
  return found.flat().toSorted();
}

function mayOpen(path: string): Promise<boolean> {
  return access(path, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
}
