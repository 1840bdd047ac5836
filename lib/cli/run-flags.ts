/** The table of the flags of `run`, and of those which are not there yet. */
import { CONFINE_FLAGS } from "./confine-flags.ts";
import { DETACH_KEYS_FLAG } from "./detach-keys.ts";
import type { Flag, RefusedFlags } from "./flags.ts";
import { LOG_FLAGS } from "./log-flags.ts";
import { HEALTH_FLAGS } from "./health-flags.ts";
import { SECURITY_FLAGS } from "./security-opt.ts";
import { NETWORK_FLAGS } from "./network-flags.ts";

export const RUN_FLAGS: readonly Flag[] = [
  { name: "cidfile", value: "string", help: "Write the container ID to the file" },
  {
    name: "detach",
    short: "d",
    help: "Run container in background and print container ID",
  },
  DETACH_KEYS_FLAG,
  { name: "entrypoint", value: "string", help: "Overwrite the default ENTRYPOINT of the image" },
  { name: "env", short: "e", value: "list", help: "Set environment variables" },
  { name: "env-file", value: "list", help: "Read in a file of environment variables" },
  { name: "help", help: "Print usage" },
  {
    name: "interactive",
    short: "i",
    help: "Pass STDIN on; without it the command reads nothing",
  },
  { name: "label", short: "l", value: "list", help: "Set meta data on a container" },
  { name: "label-file", value: "list", help: "Read in a line delimited file of labels" },
  ...LOG_FLAGS,
  {
    name: "mount",
    value: "mount",
    help:
      "Attach a filesystem mount to the container\n" +
      "'type=bind,source=PATH,target=PATH[,readonly]'\n" +
      "'type=volume[,source=NAME],target=PATH'\n" +
      "'type=image,source=IMAGE,target=PATH[,rw]'\n" +
      "'type=tmpfs,target=PATH[,tmpfs-size=SIZE]'",
  },
  { name: "name", value: "string", help: "Assign a name to the container" },
  {
    name: "platform",
    value: "string",
    help: "Fail unless the image is for this platform (os/arch[/variant])",
  },
  {
    name: "pull",
    value: "string",
    help: 'Pull image before running ("always", "missing", "never") (default "missing")',
  },
  { name: "quiet", short: "q", help: "Suppress the pull output" },
  { name: "read-only", help: "Mount the container's root filesystem as read only" },
  {
    name: "restart",
    value: "string",
    help:
      "Restart policy to apply when a container exits\n" +
      '("always", "unless-stopped", "on-failure[:MAX]")\n' +
      '(default "no")',
  },
  { name: "rm", help: "Automatically remove the container when it exits" },
  { name: "sig-proxy", help: "Proxy received signals to the process (default true)" },
  { name: "timeout", value: "int", help: "Kill the container after so many seconds" },
  { name: "tmpfs", value: "list", help: "Mount a tmpfs directory ('PATH[:OPTIONS]')" },
  { name: "tty", short: "t", help: "Allocate a pseudo-TTY" },
  {
    name: "user",
    short: "u",
    value: "string",
    help: "Username or UID (format: <name|uid>[:<group|gid>])",
  },
  {
    name: "volume",
    short: "v",
    value: "list",
    help: "Bind mount a path, or mount a volume ('[PATH|NAME:]TARGET[:OPTIONS]')",
  },
  { name: "volumes-from", value: "list", help: "Mount volumes from the specified container(s)" },
  { name: "workdir", short: "w", value: "string", help: "Working directory inside the container" },
  ...CONFINE_FLAGS,
  ...SECURITY_FLAGS,
  ...NETWORK_FLAGS,
  ...HEALTH_FLAGS,
];

export const RUN_REFUSED: RefusedFlags = {
  switches: `disable-content-trust env-host http-proxy no-hosts
    oom-kill-disable passwd publish-all|P replace rmi rootfs tls-verify
    unsetenv-all use-api-socket`,
  values: `arch attach|a authfile blkio-weight blkio-weight-device
    cgroup-conf cgroup-parent cgroups chrootdirs conmon-pidfile cpu-count
    cpu-percent cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares|c cpus cpuset-cpus
    cpuset-mems decryption-key device-cgroup-rule device-read-bps
    device-read-iops device-write-bps device-write-iops
    env-merge expose gidmap gpus group-entry health-log-destination
    health-max-log-count health-max-log-size health-on-failure health-startup-cmd
    health-startup-interval health-startup-retries health-startup-success health-startup-timeout
    hostuser image-volume
    init-path io-maxbandwidth io-maxiops ip ip6 isolation kernel-memory link link-local-ip
    mac-address memory|m memory-reservation memory-swap memory-swappiness
    net-alias network-alias os passwd-entry personality pidfile pids-limit
    pod pod-id-file preserve-fd preserve-fds publish|p rdt-class requires retry
    retry-delay runtime sdnotify seccomp-policy secret shm-size-systemd
    storage-opt subgidname subuidname systemd tz uidmap
    unsetenv variant volume-driver`,
};
