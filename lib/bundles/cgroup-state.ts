/** What state.json keeps of a container's control group. */
import { JsonReader } from "../util/json.ts";

export interface CgroupState {
  readonly manager: "cgroupfs" | "systemd";
  /** The directory in the tree of version 2, absolute; absent where it has none of its own. */
  readonly directory?: string | undefined;
  /**
   * Of that directory: another one by its name is somebody else's. Absent until it is whole, when no
   * process can be in it yet.
   */
  readonly inode?: number | undefined;
  /** The directories that were made for it, outermost first: they go with it, unless in use. */
  readonly made?: readonly string[] | undefined;
  /** The kernel holds its processes to `linux.resources.devices`; not read again. */
  readonly hasDeviceRules?: true | undefined;
  /** The unit that it is, of the manager that made it. */
  readonly unit?: string | undefined;
  /** Whose manager that is: the user's own, or the machine's. */
  readonly isUser?: boolean | undefined;
}

/** Throws `CORRUPT`. */
export function parseCgroupState(value: unknown, what: string): CgroupState {
  const reader = new JsonReader(value, what);
  const directory = reader.findText("directory");
  const inode = reader.findSize("inode");
  const made = reader.findTexts("made");
  const unit = reader.findText("unit");
  const isUser = reader.findFlag("isUser");
  return {
    manager: reader.text("manager") === "systemd" ? "systemd" : "cgroupfs",
    ...(directory !== undefined && { directory }),
    ...(inode !== undefined && { inode }),
    ...(made !== undefined && { made }),
    ...(unit !== undefined && { unit }),
    ...(isUser !== undefined && { isUser }),
  };
}
