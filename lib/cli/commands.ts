/** The table of commands: their names, what they are for, and where they are. */
import type { Entry, Group } from "./command.ts";

export const GROUPS: readonly Group[] = [
  { name: "container", summary: "Manage containers" },
  { name: "image", summary: "Manage images" },
  { name: "volume", summary: "Manage volumes" },
  { name: "system", summary: "Manage marmita" },
];

/** In the order in which people meet them. */
export const COMMANDS: readonly Entry[] = [
  {
    names: ["container run", "run"],
    summary: "Create and run a new container from an image",
    load: async () => (await import("./run.ts")).run,
  },
  {
    names: ["container create", "create"],
    summary: "Create a new container",
    load: async () => (await import("./create.ts")).create,
  },
  {
    names: ["container ls", "container list", "container ps", "ps"],
    summary: "List containers",
    load: async () => (await import("./ps.ts")).ps,
  },
  {
    names: ["container attach", "attach"],
    summary: "Attach local standard input, output, and error streams to a running container",
    load: async () => (await import("./attach-command.ts")).attachCommand,
  },
  {
    names: ["container logs", "logs"],
    summary: "Fetch the logs of a container",
    load: async () => (await import("./logs.ts")).logs,
  },
  {
    names: ["container exec", "exec"],
    summary: "Execute a command in a running container",
    load: async () => (await import("./exec.ts")).exec,
  },
  {
    names: ["container cp", "cp"],
    summary: "Copy files/folders between a container and the local filesystem",
    load: async () => (await import("./cp.ts")).cp,
  },
  {
    names: ["container diff", "diff"],
    summary: "Inspect changes to files or directories on a container's filesystem",
    load: async () => (await import("./diff.ts")).diff,
  },
  {
    names: ["container commit", "commit"],
    summary: "Create a new image from a container's changes",
    load: async () => (await import("./commit.ts")).commit,
  },
  {
    names: ["container export", "export"],
    summary: "Export a container's filesystem as a tar archive",
    load: async () => (await import("./export.ts")).exportFiles,
  },
  {
    names: ["container pause", "pause"],
    summary: "Pause all processes within one or more containers",
    load: async () => (await import("./pause.ts")).pause,
  },
  {
    names: ["container unpause", "unpause"],
    summary: "Unpause all processes within one or more containers",
    load: async () => (await import("./pause.ts")).unpause,
  },
  {
    names: ["container stats", "stats"],
    summary: "Display a live stream of container(s) resource usage statistics",
    load: async () => (await import("./stats.ts")).stats,
  },
  {
    names: ["container top", "top"],
    summary: "Display the running processes of a container",
    load: async () => (await import("./top.ts")).top,
  },
  {
    names: ["container stop", "stop"],
    summary: "Stop one or more running containers",
    load: async () => (await import("./stop.ts")).stop,
  },
  {
    names: ["container start", "start"],
    summary: "Start one or more stopped containers",
    load: async () => (await import("./start.ts")).start,
  },
  {
    names: ["container restart", "restart"],
    summary: "Restart one or more containers",
    load: async () => (await import("./restart.ts")).restart,
  },
  {
    names: ["container kill", "kill"],
    summary: "Kill one or more running containers",
    load: async () => (await import("./kill.ts")).kill,
  },
  {
    names: ["container wait", "wait"],
    summary: "Block until one or more containers stop, then print their exit codes",
    load: async () => (await import("./wait.ts")).wait,
  },
  {
    names: ["container rename", "rename"],
    summary: "Rename a container",
    load: async () => (await import("./rename.ts")).rename,
  },
  {
    names: ["container rm", "container remove", "rm"],
    summary: "Remove one or more containers",
    load: async () => (await import("./rm.ts")).rm,
  },
  {
    names: ["container prune"],
    summary: "Remove all stopped containers",
    load: async () => (await import("./prune.ts")).pruneContainers,
  },
  {
    names: ["image pull", "pull"],
    summary: "Download an image from a registry",
    load: async () => (await import("./pull.ts")).pull,
  },
  {
    names: ["image ls", "image list", "images"],
    summary: "List images",
    load: async () => (await import("./images.ts")).images,
  },
  {
    names: ["image history", "history"],
    summary: "Show the history of an image",
    load: async () => (await import("./history.ts")).history,
  },
  {
    names: ["image load", "load"],
    summary: "Load an image from a tar archive or STDIN",
    load: async () => (await import("./load.ts")).load,
  },
  {
    names: ["image save", "save"],
    summary: "Save one or more images to a tar archive (streamed to STDOUT by default)",
    load: async () => (await import("./save.ts")).save,
  },
  {
    names: ["image import", "import"],
    summary: "Import the contents from a tarball to create a filesystem image",
    load: async () => (await import("./import.ts")).importRootfs,
  },
  {
    names: ["image rm", "image remove", "rmi"],
    summary: "Remove one or more images",
    load: async () => (await import("./rmi.ts")).rmi,
  },
  {
    names: ["image prune"],
    summary: "Remove unused images",
    load: async () => (await import("./prune.ts")).pruneImages,
  },
  {
    names: ["image tag", "tag"],
    summary: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
    load: async () => (await import("./tag.ts")).tag,
  },
  {
    names: ["image push", "push"],
    summary: "Upload an image to a registry",
    load: async () => (await import("./push.ts")).push,
  },
  {
    names: ["image search", "search"],
    summary: "Search Docker Hub, or another registry, for images",
    load: async () => (await import("./search.ts")).search,
  },
  {
    names: ["login"],
    summary: "Authenticate to a registry",
    load: async () => (await import("./login.ts")).login,
  },
  {
    names: ["logout"],
    summary: "Log out from a registry",
    load: async () => (await import("./logout.ts")).logout,
  },
  {
    names: ["volume create"],
    summary: "Create a volume",
    load: async () => (await import("./volume.ts")).createVolume,
  },
  {
    names: ["volume ls", "volume list"],
    summary: "List volumes",
    load: async () => (await import("./volume.ts")).volumes,
  },
  {
    names: ["volume inspect"],
    summary: "Display detailed information on one or more volumes",
    load: async () => (await import("./volume.ts")).inspectVolumes,
  },
  {
    names: ["volume rm", "volume remove"],
    summary: "Remove one or more volumes that no container has",
    load: async () => (await import("./volume.ts")).removeVolumes,
  },
  {
    names: ["volume prune"],
    summary: "Remove unused volumes",
    load: async () => (await import("./prune.ts")).pruneVolumes,
  },
  {
    names: ["inspect"],
    summary: "Return low-level information on containers, images and volumes",
    load: async () => (await import("./inspect.ts")).inspect,
  },
  {
    names: ["container inspect"],
    summary: "Display detailed information on one or more containers",
    load: async () => (await import("./inspect.ts")).inspectContainers,
  },
  {
    names: ["image inspect"],
    summary: "Display detailed information on one or more images",
    load: async () => (await import("./inspect.ts")).inspectImages,
  },
  {
    names: ["system events", "events"],
    summary: "Get real time events from the containers, images and volumes",
    load: async () => (await import("./events.ts")).events,
  },
  {
    names: ["system info", "info"],
    summary: "Display system-wide information",
    load: async () => (await import("./info.ts")).info,
  },
  {
    names: ["system df"],
    summary: "Show how much disk space marmita takes",
    load: async () => (await import("./system-df.ts")).systemDf,
  },
  {
    names: ["system prune"],
    summary: "Remove unused data",
    load: async () => (await import("./prune.ts")).pruneSystem,
  },
  {
    names: ["version"],
    summary: "Show the version of marmita and of what it runs on",
    load: async () => (await import("./version.ts")).version,
  },
  {
    names: ["debug plan"],
    summary: "Print the plan of a container, one operation a line",
    hidden: true,
    load: async () => (await import("./debug-plan.ts")).debugPlan,
  },
];

/** Commands of Docker's and Podman's which are not there yet: refused by name, not as unknown. */
const LATER = new Set(
  words(`
    auto-update build builder buildx checkpoint compose config context
    generate healthcheck init kube
    machine manifest mount network node play plugin pod port prune
    secret service stack swarm trust unmount
    unshare update`),
);

const LATER_IN_GROUP: Readonly<Record<string, ReadonlySet<string>>> = {
  container: new Set(
    words(`
      checkpoint cleanup clone exists init mount
      port restore runlabel unmount update`),
  ),
  system: new Set(words("check connection dial-stdio migrate renumber reset service")),
  volume: new Set(words("exists export import mount reload unmount update")),
  image: new Set(
    words(`
      build diff exists mount scp sign tree trust unmount
      untag`),
  ),
};

/** The command or group that `words` start with, and how many of them name it. */
export type Found =
  | { readonly kind: "command"; readonly entry: Entry; readonly path: string }
  | { readonly kind: "group"; readonly group: Group }
  | { readonly kind: "later" | "unknown"; readonly path: string };

/** Looks at the first word, and at the second where the first is a group. */
export function findCommand(first: string, second: string | undefined): Found {
  const entryNamed = (path: string) => COMMANDS.find((entry) => entry.names.includes(path));
  const alone = entryNamed(first);
  if (alone !== undefined) return { kind: "command", entry: alone, path: first };

  const path = second === undefined ? first : `${first} ${second}`;
  const inGroup = entryNamed(path);
  if (inGroup !== undefined) return { kind: "command", entry: inGroup, path };
  const group = GROUPS.find(({ name }) => name === first);
  if (group === undefined) return { kind: LATER.has(first) ? "later" : "unknown", path: first };
  if (second === undefined || second.startsWith("-")) return { kind: "group", group };
  const later = LATER_IN_GROUP[first]?.has(second) === true;
  return { kind: later ? "later" : "unknown", path };
}

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
