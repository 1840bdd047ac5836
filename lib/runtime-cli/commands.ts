/** The commands of `marmita-runtime`: their names, what they are for, and where they are. */
import type { RuntimeEntry } from "./command.ts";

/** In the order of a container's life. */
export const COMMANDS: readonly RuntimeEntry[] = [
  {
    name: "spec",
    summary: "Write the config.json of a new bundle",
    load: async () => (await import("./spec.ts")).spec,
  },
  {
    name: "create",
    summary: "Create a container from a bundle; its command waits for `start`",
    load: async () => (await import("./create.ts")).create,
  },
  {
    name: "start",
    summary: "Start the command of a created container",
    load: async () => (await import("./start.ts")).start,
  },
  {
    name: "run",
    summary: "Create a container, start it, and wait for its end",
    load: async () => (await import("./run.ts")).run,
  },
  {
    name: "exec",
    summary: "Execute one more process in a container",
    load: async () => (await import("./exec.ts")).exec,
  },
  {
    name: "state",
    summary: "Print the state of a container as JSON",
    load: async () => (await import("./state.ts")).state,
  },
  {
    name: "list",
    summary: "List the containers of the state directory",
    load: async () => (await import("./list.ts")).list,
  },
  {
    name: "ps",
    summary: "Print the processes of a container",
    load: async () => (await import("./ps.ts")).ps,
  },
  {
    name: "kill",
    summary: "Send a signal to a container's process, by default SIGTERM",
    load: async () => (await import("./kill.ts")).kill,
  },
  {
    name: "pause",
    summary: "Suspend all processes of a container",
    load: async () => (await import("./pause.ts")).pause,
  },
  {
    name: "resume",
    summary: "Let the processes of a paused container go on",
    load: async () => (await import("./pause.ts")).resume,
  },
  {
    name: "delete",
    summary: "Remove a container that has ended, and what is kept of it",
    load: async () => (await import("./delete.ts")).deleteContainer,
  },
  {
    name: "features",
    summary: "Print what this runtime supports as JSON",
    load: async () => (await import("./features.ts")).features,
  },
];

/** Of runc's and crun's commands, those that are not here: by name, and why. */
export const REFUSED: Readonly<Record<string, string>> = {
  checkpoint: "marmita-runtime keeps no checkpoints of processes",
  restore: "marmita-runtime keeps no checkpoints of processes",
  update: "the resources of a container are those that its config.json had at `create`",
  events: "read the files of the container's control group instead",
};

export function findEntry(name: string): RuntimeEntry | undefined {
  return COMMANDS.find((entry) => entry.name === name);
}
