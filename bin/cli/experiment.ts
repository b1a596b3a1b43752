/** The options of every command that runs searches, as commander hands them over. */
export interface ExperimentOptions {
  readonly budget: string;
  readonly set?: string[];
  readonly data?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}
