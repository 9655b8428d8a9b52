import { LIMITS } from '../core/limits.ts';
import type { Path } from './problem.ts';
import { type Report, show } from './report.ts';
import { noRepeats } from './rules.ts';
import type { PluginConfig } from './schema-plugin.ts';
import { checkSource } from './source-rules.ts';

/** WebAssembly counts memory in pages of 64 KiB, of which there are 65 536. */
const [SMALLEST_MEMORY, LARGEST_MEMORY] = [64 * 1024, 4 * 1024 ** 3];
const DAY_MS = 24 * 60 * 60 * 1000;

/** Checks of the catalogue that a schema cannot make. */
export function checkCatalogue(plugins: readonly PluginConfig[], report: Report): void {
  const names = plugins.map((plugin) => plugin.name);
  noRepeats(names, (index) => ['plugins', index, 'name'], 'plugin name', report);
  for (const [index, plugin] of plugins.entries()) {
    const path = ['plugins', index];
    const { limits, allow } = plugin;
    checkSource(plugin, path, report);
    checkMemory(limits.memory, [...path, 'limits', 'memory'], report);
    checkRecycle(limits, [...path, 'limits', 'recycleMemory'], report);
    checkPause(limits.pause, [...path, 'limits', 'pause'], report);
    checkEnvironment(allow.environment, [...path, 'allow', 'environment'], report);
  }
}

function checkMemory(bytes: number, path: Path, report: Report): void {
  if (bytes >= SMALLEST_MEMORY && bytes <= LARGEST_MEMORY) return;
  report.add(path, 'SLUICE_CONFIG_VALUE', 'no instance can have as much memory', 'give 64KiB to 4GiB; 16MiB is common');
}

function checkRecycle({ memory, recycleMemory }: PluginConfig['limits'], path: Path, report: Report): void {
  if (recycleMemory === undefined || recycleMemory < memory || report.unread(path.slice(0, -1), ['memory'])) return;
  const message = 'an instance never has more than limits.memory, and so is never replaced';
  report.add(path, 'SLUICE_CONFIG_CONFLICT', message, 'give less than limits.memory');
}

function checkPause(ms: number, path: Path, report: Report): void {
  if (ms > 0 && ms <= DAY_MS) return;
  report.add(path, 'SLUICE_CONFIG_VALUE', 'the duration is out of range', 'give more than 0s, and at most 24h');
}

function checkEnvironment(environment: PluginConfig['allow']['environment'], path: Path, report: Report): void {
  let bytes = 0;
  for (const [name, value] of Object.entries(environment)) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value) + 2;
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name)) {
      const message = `${show(name)} cannot be the name of a variable`;
      report.add([...path, name], 'SLUICE_CONFIG_VALUE', message, 'use letters, digits and _, no digit first', 'key');
    }
    if (!value.includes('\0')) continue;
    report.add([...path, name], 'SLUICE_CONFIG_VALUE', 'a variable ends at a NUL', 'remove the NUL');
  }
  if (bytes <= LIMITS.pluginEnvironmentBytes) return;
  const message = `the environment has ${bytes} bytes, more than ${LIMITS.pluginEnvironmentBytes}`;
  report.add(path, 'SLUICE_CONFIG_VALUE', message, 'give large values in the configuration of the plugin');
}
