/** Where a command prints. */
export interface Output {
  /** Takes what was asked for, line by line, without line ends. */
  readonly print: (line: string) => void;
  /** Takes why it was not to be had, and what else is worth knowing. */
  readonly printError: (line: string) => void;
}
