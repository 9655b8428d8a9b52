/** Where the module of one catalogue entry comes from, and what of it has been looked at. */
export interface ModuleSource {
  /** As log and admin API name it: a path, a URL without query, a reference. No credentials. */
  readonly place: string;
  /** Directory to watch for changes; null: nothing there changes by itself. */
  readonly directory: string | null;
  /** What names its content: `sha256:` or `manifest:` and a digest; null: it is a file, which may change. */
  readonly pin: string | null;
  /**
   * Looks whether there is something new. Answers the bytes of a module that it has not answered before, or why not:
   * `same`, or `unsettled`: it has just changed, may not be whole, and wants another look a moment later.
   * @param force look closely, whatever it seems
   * @throws Error in words, if there is nothing to be had; later looks say it again only when they found something new
   */
  look(force: boolean): Promise<Uint8Array | 'same' | 'unsettled'>;
  /** What is known without leaving this machine: for the start. As `look`. */
  atHand(): Promise<Uint8Array | 'same' | 'unsettled'>;
  /** What it names is in force already, and need not be looked for. */
  adopt(): void;
  /** When the next look is due though nobody asked for one, in milliseconds from now; null: never. */
  readonly dueMs: number | null;
  /** Ends what is under way. */
  close(): void;
}

/** Attempts to fetch a module, and uses of a kept copy. */
export interface PullCounts {
  readonly success: number;
  readonly failure: number;
  readonly cache: number;
}
