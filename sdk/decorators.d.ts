// Decorators of configuration classes. The compiler's transform reads them; editors take them from here.

/** Makes a class the declaration of a configuration: its public fields are the settings. */
declare function config(target: unknown, context?: unknown): void;

declare namespace sluice {
  /** What stands behind `@` at a setting. */
  type SettingDecorator = (target: unknown, name?: unknown) => void;
}

/** The setting has to be there. */
declare function required(target: unknown, name?: unknown): void;
/** Least value of a number. */
declare function minimum(least: number): sluice.SettingDecorator;
/** Greatest value of a number. */
declare function maximum(most: number): sluice.SettingDecorator;
/** Fewest characters of a text, of each text of a list, of each value of an object. */
declare function minLength(least: number): sluice.SettingDecorator;
/** Most characters of a text, of each text of a list, of each value of an object. */
declare function maxLength(most: number): sluice.SettingDecorator;
/** Fewest entries of a list. */
declare function minItems(least: number): sluice.SettingDecorator;
/** Most entries of a list. */
declare function maxItems(most: number): sluice.SettingDecorator;
/** The texts that a text may be. */
declare function oneOf(...texts: string[]): sluice.SettingDecorator;
/** A text that can be the name of a header; of a type with `| null` the empty text stands for null. */
declare function headerName(target: unknown, name?: unknown): void;
/** A text that can be the value of a header. */
declare function headerValue(target: unknown, name?: unknown): void;
/** A text that no message and no tool shows. */
declare function secret(target: unknown, name?: unknown): void;
