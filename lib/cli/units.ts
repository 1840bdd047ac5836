/** Durations and sizes as Docker prints and reads them (docker/go-units). */

const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** `5 minutes`, `About an hour`, `2 weeks`; of a clock that was set back, `Less than a second`. */
export function formatDuration(durationMs: number): string {
  const seconds = Math.trunc(durationMs / 1_000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < MINUTE) return `${seconds} seconds`;
  const minutes = Math.trunc(seconds / MINUTE);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.round(seconds / HOUR);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 14) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 60) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(seconds / HOUR / 24 / 365)} years`;
}

/** How long before `now` a time was: `5 minutes ago`. */
export function formatAgo(then: string, now: Date): string {
  return `${formatDuration(now.getTime() - Date.parse(then))} ago`;
}

/** `2026-01-31 10:00:00 +0100 CET`, of this machine's time zone: as Go prints a time. */
export function formatTime(time: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join("-");
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":");
  const minutes = -time.getTimezoneOffset();
  const sign = minutes < 0 ? "-" : "+";
  const hours = two(Math.trunc(Math.abs(minutes) / 60));
  const offset = `${sign}${hours}${two(Math.abs(minutes) % 60)}`;
  return `${day} ${clock} ${offset} ${zoneName(time) ?? offset.replace(/00$/, "")}`;
}

/** Zones without letters of their own have their offset for a name. */
function zoneName(time: Date): string | undefined {
  const format = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" });
  const name = format.formatToParts(time).find(({ type }) => type === "timeZoneName")?.value;
  return name === undefined || /\d/.test(name) ? undefined : name;
}

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/** `4.27MB`: powers of 1000 and three significant digits. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < UNITS.length - 1) {
    value /= 1_000;
    unit++;
  }
  return `${Number(value.toPrecision(3))}${UNITS[unit]}`;
}

const BINARY_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/** `1.004MiB`: powers of 1024 and four significant digits. */
export function formatBinarySize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < BINARY_UNITS.length - 1) {
    value /= 1_024;
    unit++;
  }
  return `${Number(value.toPrecision(4))}${BINARY_UNITS[unit]}`;
}

/** `64m`, `1.5GiB`, `4096`: powers of 1024 whatever the unit's spelling; undefined if malformed. */
export function parseMemorySize(text: string): number | undefined {
  return parseSize(text, 1_024);
}

/** The same in powers of 1000: Docker reads files' sizes so. */
export function parseFileSize(text: string): number | undefined {
  return parseSize(text, 1_000);
}

function parseSize(text: string, base: number): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?(?:([kmgtp])(?:i?b)?|b)?$/i.exec(text);
  if (match?.[1] === undefined) return undefined;
  const power = " kmgtp".indexOf((match[2] ?? " ").toLowerCase());
  const bytes = Math.trunc(Number(match[1]) * base ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
