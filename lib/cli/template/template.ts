/** Templates of `--format`: Go's text/template with the functions that Docker documents. */
import { evaluate } from "./evaluate.ts";
import { FUNCTIONS, type Functions } from "./functions.ts";
import type { Parsed } from "./nodes.ts";
import { parse } from "./parser.ts";

export interface TemplateOptions {
  /** Told in faults, as Docker and Go do: `version`. Default: none. */
  readonly name?: string;
}

export interface ExecuteOptions {
  /** Default: those of Docker. */
  readonly functions?: Functions;
  /** A key that a map lacks is a fault; else it prints `<no value>`. */
  readonly missingIsFault?: boolean;
  /** What the type of the data is called in faults. */
  readonly typeName?: string;
  /** What values of the data become on their way out; the template's own text stays as it is. */
  readonly shown?: (text: string) => string;
}

const NAMES: ReadonlySet<string> = new Set(Object.keys(FUNCTIONS));

/** Read once, executed over as many values as there are. */
export class Template {
  readonly #parsed: Parsed;
  readonly #name: string;

  /** Throws `INVALID_ARGUMENT`: `template parsing error: …`. */
  constructor(source: string, options: TemplateOptions = {}) {
    this.#name = options.name ?? "";
    this.#parsed = parse(source, { name: this.#name, functions: NAMES });
  }

  /** Over data as values.ts describes it. Throws `INVALID_ARGUMENT`: `template parsing error: …`. */
  execute(data: unknown, options: ExecuteOptions = {}): string {
    return evaluate(this.#parsed, data, {
      name: this.#name,
      functions: options.functions ?? FUNCTIONS,
      missingIsFault: options.missingIsFault ?? false,
      shown: options.shown ?? ((text) => text),
      typeName: options.typeName,
    });
  }
}
