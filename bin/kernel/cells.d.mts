/** Why a cell failed, in the words of Jupyter's messages. */
export interface Failure {
  readonly ename: string;
  readonly evalue: string;
  readonly traceback: readonly string[];
}

/** What runs the cells of notebooks. */
export interface Cells {
  /** Runs a cell to its end: the value of its last expression, or why it failed. */
  execute(source: string): Promise<{ readonly value?: unknown; readonly failure?: Failure }>;
  /** Forgets the variables of the cells before. */
  reset(): void;
  close(): void;
}

export function createCells(options?: { readonly watch?: boolean }): Cells;
