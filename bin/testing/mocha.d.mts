/** What came of a test; of a hook that took time ("hook") or failed. */
export interface Outcome {
  readonly title: string;
  /** The source of its test file, relative to the project. */
  readonly file?: string;
  readonly state: 'passed' | 'failed' | 'pending' | 'hook';
  readonly seconds: number;
  readonly error?: string;
}

export function runMocha(
  args: readonly string[],
  options?: {
    readonly jobs?: number;
    readonly long?: boolean;
    readonly report?: string;
    readonly quiet?: boolean;
  },
): Promise<Outcome[]>;
