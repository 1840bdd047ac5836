/** How much a template may take: far more than a format does, and less than memory and stack have. */

/** Parentheses and blocks in each other. */
export const DEEPEST_SOURCE = 200;

/** Blocks and templates in each other, as they are carried out. */
export const DEEPEST_BLOCKS = 500;

/** Of all loops together. */
export const MOST_TURNS = 1_000_000;

/** In characters, of all that is printed, and of what a function makes. */
export const LONGEST_TEXT = 2 ** 26;

/** Blanks that `pad` puts on one side. */
export const LONGEST_PAD = 1_000_000;
