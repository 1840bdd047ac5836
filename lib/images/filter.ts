/** Which images a list is to have. */
import { canonical, familiarName, findReference, parseReference } from "../oci/reference.ts";
import { matchesGlob } from "../util/glob.ts";
import { parseMoment } from "../util/moment.ts";
import type { Image } from "./image.ts";
import { childrenOf } from "./parent.ts";

/** All that is given has to hold. */
export interface ImageFilters {
  /** Also those without a name that others were made from. Default: true. */
  readonly intermediate?: boolean | undefined;
  /** True: only those that have no name and that nothing was made from; false: none of them. */
  readonly dangling?: boolean | undefined;
  /** `key`, or `key=value`. */
  readonly labels?: readonly string[] | undefined;
  /** The same, of images that have none of them. */
  readonly withoutLabels?: readonly string[] | undefined;
  /** Made before that image, which is a name or an id. */
  readonly before?: string | undefined;
  /** Made after that image. */
  readonly since?: string | undefined;
  /** Made before that time: a `Date`, RFC 3339, seconds since 1970, or how long ago: `24h`. */
  readonly until?: Date | string | undefined;
  /**
   * Names with `*`, `?` and `[a-z]`, with or without a tag, of which one has to match. Images come
   * with the names that do, and no others.
   */
  readonly references?: readonly string[] | undefined;
}

export interface FilterContext {
  /** Throws `NOT_FOUND`. */
  get(nameOrId: string): Promise<Pick<Image, "created">>;
}

/** Of all images there are. Throws `INVALID_ARGUMENT` for what is no pattern or time, `NOT_FOUND`. */
export async function filterImages(
  images: readonly Image[],
  filters: ImageFilters,
  context: FilterContext,
): Promise<readonly Image[]> {
  const tests = [...familyTests(images, filters), ...labelTests(filters)];
  tests.push(...(await timeTests(filters, context)));
  const chosen = images.filter((image) => tests.every((test) => test(image)));
  const { references = [] } = filters;
  return references.length === 0 ? chosen : withNames(chosen, references);
}

type Test = (image: Image) => boolean;

function familyTests(
  images: readonly Image[],
  { intermediate = true, dangling }: ImageFilters,
): readonly Test[] {
  // Whether something was made of an image is asked only where it has no name.
  const isIntermediate: Test = (image) =>
    image.names.length === 0 && childrenOf(image, images).length > 0;
  const isDangling: Test = (image) => image.names.length === 0 && !isIntermediate(image);
  return [
    ...(intermediate ? [] : [(image: Image) => !isIntermediate(image)]),
    ...(dangling === undefined ? [] : [(image: Image) => isDangling(image) === dangling]),
  ];
}

function labelTests({ labels = [], withoutLabels = [] }: ImageFilters): readonly Test[] {
  return [
    ...labels.map(
      (label): Test =>
        (image) =>
          hasLabel(image, label),
    ),
    ...withoutLabels.map(
      (label): Test =>
        (image) =>
          !hasLabel(image, label),
    ),
  ];
}

function hasLabel({ config }: Image, label: string): boolean {
  const { Labels = {} } = config.config;
  const equals = label.indexOf("=");
  const key = equals < 0 ? label : label.slice(0, equals);
  return Object.hasOwn(Labels, key) && (equals < 0 || Labels[key] === label.slice(equals + 1));
}

async function timeTests(
  { before, since, until }: ImageFilters,
  context: FilterContext,
): Promise<readonly Test[]> {
  const tests: Test[] = [];
  if (before !== undefined) {
    const limit = timeOf(await context.get(before));
    tests.push((image) => timeOf(image) < limit);
  }
  if (since !== undefined) {
    const limit = timeOf(await context.get(since));
    tests.push((image) => timeOf(image) > limit);
  }
  if (until !== undefined) {
    const limit = (typeof until === "string" ? parseMoment(until) : until).getTime();
    tests.push((image) => timeOf(image) < limit);
  }
  return tests;
}

function timeOf({ created }: Pick<Image, "created">): number {
  return Date.parse(created ?? "") || 0;
}

function withNames(images: readonly Image[], patterns: readonly string[]): readonly Image[] {
  const tests = patterns.map(matchesGlob);
  return images.flatMap((image) => {
    const names = image.names.filter((name) => {
      return spellings(name).some((spelling) => tests.some((test) => test(spelling)));
    });
    return names.length === 0 ? [] : [{ ...image, names }];
  });
}

/** With and without the tag, as people write it and in full. */
function spellings(name: string): readonly string[] {
  const reference = findReference(name);
  if (reference === undefined) return [name];
  const short = familiarName(reference);
  const full = canonical(parseReference(short)).replace(/:latest$/, "");
  return [name, short, canonical(reference), full];
}
