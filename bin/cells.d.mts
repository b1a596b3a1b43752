/** What runs the cells of notebooks. */
export interface Cells {
  /** Whether the cell ran to its end; what it threw, or its compiler's complaints, are on stderr. */
  execute(source: string): Promise<boolean>;
  /** Forgets the variables of the cells before. */
  reset(): void;
  close(): void;
}

export function createCells(options?: { readonly watch?: boolean }): Cells;
