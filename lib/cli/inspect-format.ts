/** `inspect --format`: one template over what `inspect` prints in JSON. */
import { isMarmitaError } from "../errors.ts";
import { type Shape, typedValue, untypedValue } from "./template/data.ts";
import { Template } from "./template/template.ts";
import { visible } from "./visible.ts";

const SHAPE: Shape = {
  maps: words(`
    Annotations Data DriverOpts ExposedPorts Labels Networks Options PortBindings Ports StorageOpt
    Sysctls Tmpfs Volumes`),
  lists: words(`
    Aliases Args Binds BlkioDeviceReadBps BlkioDeviceReadIOps BlkioDeviceWriteBps
    BlkioDeviceWriteIOps BlkioWeightDevice CapAdd CapDrop Cmd DeviceCgroupRules DeviceRequests
    Devices Dns DnsOptions DnsSearch Entrypoint Env ExecIDs ExtraHosts GroupAdd Layers Links Log
    MaskedPaths Mounts OnBuild ReadonlyPaths RepoDigests RepoTags SecurityOpt Shell Test Ulimits
    VolumesFrom`),
  texts: words("Runtime StopSignal"),
  optional: {
    State: ["Health"],
    Config: ["Healthcheck", "ExposedPorts", "StopSignal", "StopTimeout", "OnBuild", "Shell"],
    HostConfig: ["Init", "Annotations", "Tmpfs", "StorageOpt", "Sysctls", "Runtime"],
  },
  also: {
    ID: "Id",
    DNS: "Dns",
    DNSOptions: "DnsOptions",
    DNSSearch: "DnsSearch",
    CPUShares: "CpuShares",
    CPUPeriod: "CpuPeriod",
    CPUQuota: "CpuQuota",
    NanoCPUs: "NanoCpus",
  },
};

/**
 * Prints objects by a template, each on a line of its own. Where a field is not there the object is
 * tried again as plain maps, as Docker does: then `range` goes over its fields, and `index` finds them.
 */
export class InspectFormat {
  readonly #template: Template;

  /** Throws `INVALID_ARGUMENT`: `template parsing error: …`. */
  constructor(source: string) {
    this.#template = new Template(source);
  }

  /** Throws `INVALID_ARGUMENT`: `template parsing error: …`. */
  format(object: object): string {
    try {
      return `${this.#template.execute(typedValue(object, SHAPE), { shown: visible })}\n`;
    } catch (error) {
      if (!isMarmitaError(error, "INVALID_ARGUMENT")) throw error;
      const options = { shown: visible, missingIsFault: true };
      return `${this.#template.execute(untypedValue(object), options)}\n`;
    }
  }
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}
