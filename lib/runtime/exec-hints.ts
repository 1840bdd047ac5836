/** What to do about a command that the kernel would not run, from what the helper says it is. */

interface Row {
  /** Against the words of the failure (native/core/executable.c). */
  readonly says: RegExp;
  readonly hint: string;
}

const ROWS: readonly Row[] = [
  {
    says: /, a script without #!$/,
    hint: "its first line must name an interpreter, as #!/bin/sh does; or name the shell: sh FILE",
  },
  {
    says: /, a program for (?!Windows|macOS)/,
    hint: "the image, or this file in it, is for another processor: load one for this machine",
  },
  {
    says: / and a carriage return cannot be run$/,
    hint: "its lines end as on Windows: save it with Unix line ends",
  },
  {
    says: /, whose interpreter .* cannot be run$/,
    hint: "the file is there, but what it needs to be run by is not: install that in the image",
  },
  {
    says: /, which is not executable$/,
    hint: "chmod +x it in the image; or name its interpreter: sh FILE",
  },
  {
    says: / of \d+ bytes, more than \d+$/,
    hint: "the kernel takes no longer one: write it to a file, and mount that",
  },
  {
    says: / bytes of arguments and \d+ of environment$/,
    hint: "the kernel takes a quarter of the stack limit, 6 MiB at most, for both together",
  },
];

/** `what` is the failure as marmita-init words it. */
export function execHint(what: string): string | undefined {
  return ROWS.find(({ says }) => says.test(what))?.hint;
}
