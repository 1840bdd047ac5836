/** Documents that are almost right: JSON with some things changed, at random and told by a seed. */

type Random = () => number;
type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Deeper than any recursive reader goes. */
const DEEP = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
const HEX = "0123456789abcdef".repeat(4);

const NUMBERS = [0, -1, 0.5, 1, 2, 2 ** 31, 2 ** 53, 2 ** 63, 1e308, -1e-300];
const DIGESTS = ["", HEX, HEX.toUpperCase(), `${HEX}\n`, "../../etc/passwd"];
const TEXTS = ["", " ", "\0", "\uD800", "__proto__", "constructor", "linux", "a".repeat(100_000)];
const TYPES = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v1+prettyjws",
];
const TREES: readonly Json[] = [null, true, false, [], {}, [null], [[]], { "": {} }, [{}, {}, {}]];
const ODD: readonly Json[] = [
  ...TREES,
  ...NUMBERS,
  ...DIGESTS.map((digest) => `sha256:${digest}`),
  ...TEXTS,
  ...TYPES,
];

/** What JSON.stringify cannot write. */
const ODD_TEXTS = [DEEP, "1e999", "-1e999", "-0", "NaN", "undefined", '{"a":1,"a":2}', "01", "'x'"];

const IN_TREE = [replaced, removed, doubled, wrapped, moved, added];
const IN_TEXT = [flipped, cut, inserted, repeated, withOddText];

/** From one change to four; now and then bytes that are no JSON, nor UTF-8. */
export function mutated(document: string, random: Random): Buffer {
  const root: Json[] = [JSON.parse(document) as Json];
  const count = 1 + Math.floor(random() * 3);
  for (let done = 0; done < count; done++) pick(IN_TREE, random)(root, random);
  const text = Buffer.from(JSON.stringify(root[0]) ?? "");
  return random() < 0.3 ? pick(IN_TEXT, random)(text, random) : text;
}

interface Place {
  readonly parent: Json[] | { [name: string]: Json };
  readonly key: string | number;
}

/** The root is the only element of a list. */
function placesIn(value: Json[] | { [name: string]: Json }): readonly Place[] {
  const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
  return [...keys].flatMap((key) => {
    const place = { parent: value, key };
    const child = valueAt(place);
    const isInner = typeof child === "object" && child !== null;
    return [place, ...(isInner ? placesIn(child) : [])];
  });
}

function replaced(root: Json[], random: Random): void {
  const place = pick(placesIn(root), random);
  put(place, structuredClone(pick(ODD, random)));
}

function removed(root: Json[], random: Random): void {
  const { parent, key } = pick(placesIn(root), random);
  if (parent === root) return;
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete parent[key];
}

function doubled(root: Json[], random: Random): void {
  const place = pick(placesIn(root), random);
  const { parent, key } = place;
  const copies = Array.from({ length: pick([1, 2, 200], random) }, () =>
    structuredClone(valueAt(place)),
  );
  if (Array.isArray(parent) && parent !== root) parent.splice(Number(key), 0, ...copies);
}

function wrapped(root: Json[], random: Random): void {
  const place = pick(placesIn(root), random);
  put(place, random() < 0.5 ? [valueAt(place)] : { value: valueAt(place) });
}

/** To where something else was. */
function moved(root: Json[], random: Random): void {
  const places = placesIn(root);
  const from = structuredClone(valueAt(pick(places, random)));
  put(pick(places, random), from);
}

function added(root: Json[], random: Random): void {
  const objects = placesIn(root).map(valueAt).filter(isObject);
  if (objects.length === 0) return;
  const names = ["manifests", "layers", "config", "mediaType", "platform", "urls", "subject"];
  pick(objects, random)[pick([...names, "__proto__", "constructor"], random)] = structuredClone(
    pick(ODD, random),
  );
}

function flipped(text: Buffer, random: Random): Buffer {
  const copy = Buffer.from(text);
  const at = Math.floor(random() * copy.length);
  copy[at] = Math.floor(random() * 256);
  return copy;
}

function cut(text: Buffer, random: Random): Buffer {
  return text.subarray(0, Math.floor(random() * text.length));
}

function inserted(text: Buffer, random: Random): Buffer {
  const at = Math.floor(random() * text.length);
  const bytes = Buffer.from(Array.from({ length: 4 }, () => Math.floor(random() * 256)));
  return Buffer.concat([text.subarray(0, at), bytes, text.subarray(at)]);
}

function repeated(text: Buffer, random: Random): Buffer {
  const at = Math.floor(random() * text.length);
  return Buffer.concat([text.subarray(0, at), text]);
}

function withOddText(text: Buffer, random: Random): Buffer {
  const values = [...text.toString().matchAll(/(?<=":)(?:"[^"]*"|[\d.]+|null)/g)];
  if (values.length === 0) return text;
  const { index, 0: value } = pick(values, random);
  const whole = text.toString();
  const after = whole.slice(index + value.length);
  return Buffer.from(whole.slice(0, index) + pick(ODD_TEXTS, random) + after);
}

function valueAt({ parent, key }: Place): Json {
  return (parent as Record<string | number, Json>)[key] ?? null;
}

function put({ parent, key }: Place, value: Json): void {
  (parent as Record<string | number, Json>)[key] = value;
}

function isObject(value: Json): value is { [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function pick<T>(list: readonly T[], random: Random): T {
  return list[Math.floor(random() * list.length)]!;
}
