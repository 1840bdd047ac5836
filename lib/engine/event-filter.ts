/** Which events somebody wants to hear of: Docker's filters. */
import type { EngineEvent } from "./event-log.ts";

/** Of one kind any will do; of several kinds each must be met. */
export interface EventFilters {
  /** `container`, `image`, `volume`. */
  readonly types?: readonly string[];
  /** `start`, `die`, …; `exec_start` and `health_status` whatever follows their colon. */
  readonly actions?: readonly string[];
  /** Names, ids, or their beginnings. */
  readonly containers?: readonly string[];
  /** Names with or without a tag, or ids; also of what is made of them. */
  readonly images?: readonly string[];
  /** Names, or their beginnings. */
  readonly volumes?: readonly string[];
  /** `key`, or `key=value`: all of them. */
  readonly labels?: readonly string[];
}

/** Those that are told with a command or a state behind a colon. */
const WITH_MORE = ["exec_create", "exec_start", "health_status"];

export function eventTest(filters: EventFilters): (event: EngineEvent) => boolean {
  const { types, actions, containers, images, volumes, labels = [] } = filters;
  const allowed = (wanted: readonly string[] | undefined, isMet: (one: string) => boolean) => {
    return wanted === undefined || wanted.length === 0 || wanted.some(isMet);
  };
  return (event) =>
    allowed(types, (type) => event.type === type) &&
    allowed(actions, (action) => isAction(event.action, action)) &&
    allowed(containers, (start) => isNamed(event, "container", start)) &&
    allowed(volumes, (start) => isNamed(event, "volume", start)) &&
    allowed(images, (image) => isOfImage(event, image)) &&
    labels.every((label) => hasLabel(event.attributes, label));
}

function isAction(action: string, wanted: string): boolean {
  return action === wanted || (WITH_MORE.includes(wanted) && action.startsWith(`${wanted}:`));
}

function isNamed({ type, id, attributes }: EngineEvent, wanted: string, start: string): boolean {
  return (
    type === wanted && (id.startsWith(start) || attributes["name"]?.startsWith(start) === true)
  );
}

function isOfImage({ type, id, attributes }: EngineEvent, wanted: string): boolean {
  const name = attributes[type === "image" ? "name" : "image"];
  const names = type === "image" ? [id, name] : [name];
  return names.some((one) => one !== undefined && (one === wanted || withoutTag(one) === wanted));
}

/** `localhost:5000/web:1` → `localhost:5000/web` */
function withoutTag(name: string): string {
  return name.replace(/:[^:/]*$/, "");
}

function hasLabel(attributes: Readonly<Record<string, string>>, label: string): boolean {
  const equals = label.indexOf("=");
  if (equals < 0) return Object.hasOwn(attributes, label);
  const key = label.slice(0, equals);
  return Object.hasOwn(attributes, key) && attributes[key] === label.slice(equals + 1);
}
