/**
 * A foreign function of a test. What it answers is the result (text in UTF-8); null is success without a result, a
 * number the status that the call fails with (1 not found, 2 bad argument, and so on). What it throws is an internal
 * failure.
 */
export type TestForeignFunction = (argument: Buffer) => Uint8Array | string | null | number;

/** Looks foreign functions of a test up, as the host calls them. */
export function foreignFunctions(functions: Readonly<Record<string, TestForeignFunction>>) {
  return (name: string): ((argument: Uint8Array) => Uint8Array | null | number) | undefined => {
    const run = Object.hasOwn(functions, name) ? functions[name] : undefined;
    if (run === undefined) return undefined;
    return (argument) => {
      // The guest's memory may move while the test holds on to it.
      const result = run(Buffer.from(argument));
      if (typeof result === 'string') return Buffer.from(result);
      return result === 0 ? null : result;
    };
  };
}
