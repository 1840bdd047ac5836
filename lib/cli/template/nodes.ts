/** What a template is parsed into. */

/** Where a node stands, and how it is told in errors. */
export interface Place {
  readonly at: number;
  readonly source: string;
}

export type Operand =
  | ({ readonly kind: "dot" | "nil" } & Place)
  | ({ readonly kind: "constant"; readonly value: unknown } & Place)
  /** `.A.B` */
  | ({ readonly kind: "field"; readonly path: readonly string[] } & Place)
  /** `$x.A`; `$` is what the template was called with. */
  | ({ readonly kind: "variable"; readonly name: string; readonly path: readonly string[] } & Place)
  | ({ readonly kind: "function"; readonly name: string } & Place)
  /** `(…)` and `(…).A` */
  | ({ readonly kind: "pipe"; readonly pipe: Pipe; readonly path: readonly string[] } & Place);

/** One stage of a pipe: an operand alone, or what is called with what. */
export interface Command extends Place {
  readonly first: Operand;
  readonly args: readonly Operand[];
}

export interface Pipe extends Place {
  readonly declared: readonly string[];
  /** `=` rather than `:=`. */
  readonly assigns: boolean;
  readonly commands: readonly Command[];
  /** Made of the template's own text only: nothing of it comes from the data. */
  readonly isConstant: boolean;
}

export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly pipe: Pipe }
  | {
      readonly kind: "if" | "with" | "range";
      readonly pipe: Pipe;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[] | undefined;
    }
  | ({
      readonly kind: "template";
      readonly name: string;
      readonly pipe: Pipe | undefined;
    } & Place)
  | { readonly kind: "break" | "continue" };

/** A template with those that it defines. */
export interface Parsed {
  readonly source: string;
  readonly root: readonly Node[];
  readonly defined: ReadonlyMap<string, readonly Node[]>;
}
