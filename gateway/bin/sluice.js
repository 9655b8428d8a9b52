#!/usr/bin/env node
// Starts the compiled program if there is one, else the sources. Plain JavaScript for any Node, so that an old one is
// told what is wrong instead of failing on syntax it does not know.
const { existsSync } = require('node:fs');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');

const MINIMUM = 24;
const major = Number(process.versions.node.split('.')[0]);
if (major < MINIMUM) {
  console.error(
    'sluice needs Node ' + MINIMUM + ' or newer; this is ' + process.version + '. Install a newer Node and try again.',
  );
  process.exit(1);
}

const compiled = join(__dirname, '..', 'dist', 'main.js');
const source = join(__dirname, '..', 'src', 'main.ts');
import(pathToFileURL(existsSync(compiled) ? compiled : source).href).catch((error) => {
  console.error(error);
  process.exit(1);
});
