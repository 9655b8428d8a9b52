import { resolve } from 'node:path';
import {
  type BinaryenModule,
  type ClassPrototype,
  type Diagnostics,
  ERROR,
  type Parser,
  type Program,
  type Source,
  SourceKind,
  USER_DEFINED,
} from './ast.ts';
import { AuthorError } from './author-error.ts';
import type { Attempt } from './config-class.ts';
import { ConfigClasses } from './config-classes.ts';
import { checkCallbackNames } from './callback-names.ts';
import { addExports, EXPORTS_PATH, PluginClasses } from './exports.ts';
import {
  descriptionFile,
  encodeManifest,
  MANIFEST_SECTION,
  type PluginDescription,
  readDescription,
} from './manifest.ts';
import { findRegistration } from './registration.ts';
import { type JsonSchema, NO_SETTINGS, schemaOf } from './schema.ts';
import { addReader, importInto } from './splice.ts';

/**
 * What the SDK does while a plugin is compiled; `asconfig.json` names it. It gives configuration classes their readers,
 * exports the callbacks that the plugin overrides and no others, and writes the manifest. What an author has to mend is
 * reported like an error of the compiler, at the author's own line.
 */
export default class PluginTransform {
  /** Set by the compiler. */
  declare readonly program: Program;
  /** Set by the compiler: what the paths of sources are relative to. */
  declare readonly baseDir: string;

  #description: PluginDescription | null = null;
  /** null: several, or one that the plugin reads by itself. */
  #config: JsonSchema | null = null;
  #configClasses = 0;
  #classes: ConfigClasses | null = null;
  #manifest: Uint8Array | null = null;

  /** All files are parsed, and not linked yet. */
  afterParse(parser: Parser): void {
    const attempt = attemptWith(parser);
    attempt(() => {
      const entry = entryOf(parser);
      const file = descriptionFile(resolve(this.baseDir, entry.normalizedPath));
      if (file !== null) this.#description = readDescription(file);
      importInto(entry, EXPORTS_PATH.slice('~lib/'.length), parser);
      const classes = new ConfigClasses(parser, attempt);
      this.#classes = classes;
      const all = classes.all();
      const [config, ...others] = classes.roots();
      if (hasErrors(parser)) return;
      this.#configClasses = others.length + (config ? 1 : 0);
      if (config && others.length === 0) this.#config = schemaOf(config, classes.inner);
      for (const each of all) addReader(each, classes.inner, parser);
    });
  }

  /** All names are linked, and nothing is compiled yet. */
  afterInitialize(program: Program): void {
    if (hasErrors(program)) return;
    const attempt = attemptWith(program);
    attempt(() => {
      const entry = entryOf(program.parser);
      const classes = new PluginClasses(program);
      checkParts(classes, program, entry);
      for (const plugin of classes.extendingDirectly('ConfiguredPlugin')) attempt(() => this.#checkConfigured(plugin));
      for (const plugin of classes.extending('ConfiguredPlugin')) attempt(() => checkReading(plugin));
      for (const each of classes.all()) attempt(() => checkCallbackNames(each));
      const { exports, phases } = classes.overrides();
      addExports(program.filesByName.get(entry.internalPath)!, exports, program);
      if (this.#configClasses === 0 && !classes.isOverridden('Plugin.onConfigure')) this.#config = NO_SETTINGS;
      if (this.#description) this.#manifest = encodeManifest(this.#description, phases, this.#config);
    });
  }

  #checkConfigured({ declaration }: ClassPrototype): void {
    if (this.#classes?.knows(declaration)) return;
    const { range, text } = declaration.name;
    throw new AuthorError(
      range,
      `the configuration of ${text} cannot be found: write extends ConfiguredPlugin<MyConfig>, at the top level of a file`,
    );
  }

  /** The module is there, and not optimized yet. */
  afterCompile(module: BinaryenModule): void {
    if (this.#manifest) module.addCustomSection(MANIFEST_SECTION, this.#manifest);
  }
}

function hasErrors({ diagnostics }: Diagnostics): boolean {
  return diagnostics.some(({ category }) => category === ERROR);
}

/** What goes wrong in a step is reported in the compiler's own way. */
function attemptWith(diagnostics: Diagnostics): Attempt {
  return (step) => {
    try {
      return step();
    } catch (error) {
      diagnostics.error(USER_DEFINED, error instanceof AuthorError ? error.range : null, (error as Error).message);
      return undefined;
    }
  };
}

function entryOf(parser: Parser): Source {
  const entries = parser.sources.filter(({ sourceKind, normalizedPath }) => {
    return sourceKind === SourceKind.UserEntry && !normalizedPath.startsWith('~lib/');
  });
  if (entries.length === 1) return entries[0]!;
  throw new Error(`a plugin has one entry file; here are ${entries.length}`);
}

/** @throws AuthorError for a plugin that would not read what it declares */
function checkReading({ instanceMembers }: ClassPrototype): void {
  const method = instanceMembers?.get('onConfigure');
  if (!method) return;
  throw new AuthorError(
    method.declaration.name.range,
    'ConfiguredPlugin reads the configuration in onConfigure; what follows from it belongs in onConfigured',
  );
}

/** @throws AuthorError when a part is missing that every plugin has */
function checkParts(classes: PluginClasses, program: Program, { range }: Source): void {
  const [plugin] = classes.extending('Plugin');
  if (!plugin) throw new AuthorError(range.atStart, 'no class of the plugin extends Plugin or ConfiguredPlugin');
  const name = plugin.declaration.name;
  if (classes.extending('HttpFilter').length === 0) {
    throw new AuthorError(
      name.range,
      `no class of the plugin extends HttpFilter; ${name.text} needs one for createFilter()`,
    );
  }
  if (findRegistration(program)) return;
  throw new AuthorError(name.range, `nothing registers ${name.text}; add: register((): Plugin => new ${name.text}());`);
}
