import { type PluginSource, parsePluginSource, staysHere } from './plugin-source.ts';
import type { Path } from './problem.ts';
import { type Report, show } from './report.ts';
import type { PluginConfig, PullConfig } from './schema-plugin.ts';

const FILE_ONLY = 'a module with file: is not fetched';
const DAY_MS = 24 * 60 * 60 * 1000;

/** Reports what is wrong with where the module of a plugin comes from, its digest, and how it is fetched. */
export function checkSource(plugin: PluginConfig, path: Path, report: Report): void {
  if (report.unread(path, ['source'])) return;
  const at = [...path, 'source'];
  const source = parsePluginSource(plugin.source);
  if ('message' in source) {
    const message = source.secret === true ? source.message : `${show(plugin.source)}: ${source.message}`;
    report.add(at, 'SLUICE_CONFIG_VALUE', message, source.remedy);
    return;
  }
  if (source.kind === 'file') {
    if (plugin.pull !== undefined) {
      report.add([...path, 'pull'], 'SLUICE_CONFIG_CONFLICT', FILE_ONLY, 'remove the key', 'key');
    }
    return;
  }
  checkPin(plugin, source, path, report);
  checkPlainHttp(plugin, source, path, report);
  if (plugin.pull !== undefined) checkPull(plugin.pull, [...path, 'pull'], report);
}

/** What is fetched must be named by its content, so that nobody else can exchange it. */
function checkPin(plugin: PluginConfig, source: Exclude<PluginSource, { kind: 'file' }>, path: Path, report: Report) {
  const pinned = plugin.sha256 !== undefined || (source.kind === 'oci' && source.digest !== null);
  if (pinned || report.unread(path, ['sha256'])) return;
  const message = 'the key sha256 is missing: a module that is fetched must be named by its digest';
  const digest = 'add sha256: the digest that sluice plugin inspect prints for the module';
  const remedy = source.kind === 'oci' ? `${digest}, or name its manifest as @sha256:digest` : digest;
  report.add([...path, 'source'], 'SLUICE_CONFIG_MISSING_KEY', message, remedy);
}

function checkPlainHttp({ source: text, pull }: PluginConfig, source: PluginSource, path: Path, report: Report): void {
  const plain = pull?.plainHttp === true;
  const isHttp = text.startsWith('http:');
  if ((!plain && !isHttp) || source.kind === 'file' || report.unread([...path, 'pull'], ['plainHttp'])) return;
  const server = source.kind === 'oci' ? source.registry : new URL(source.url).host;
  if (!staysHere(server)) {
    const message = `${show(server)} is not on this machine, and http is open to everyone on the way`;
    const remedy = isHttp ? 'give https:' : 'remove plainHttp';
    report.add(isHttp ? [...path, 'source'] : [...path, 'pull', 'plainHttp'], 'SLUICE_CONFIG_VALUE', message, remedy);
  } else if (!plain) {
    const remedy = 'give https:, or pull: { plainHttp: true }';
    report.add([...path, 'source'], 'SLUICE_CONFIG_CONFLICT', 'http is used only where pull.plainHttp says so', remedy);
  } else if (!isHttp && source.kind === 'url') {
    const message = 'plainHttp is true, and the source has https:';
    report.add([...path, 'pull', 'plainHttp'], 'SLUICE_CONFIG_CONFLICT', message, 'remove plainHttp, or give http:');
  }
}

function checkPull(pull: PullConfig, path: Path, report: Report): void {
  if (
    (pull.username === undefined) !== (pull.password === undefined) &&
    !report.unread(path, ['username', 'password'])
  ) {
    const [there, missing] = pull.username === undefined ? ['password', 'username'] : ['username', 'password'];
    const message = `the key ${missing} is missing beside ${there}`;
    report.add([...path, there], 'SLUICE_CONFIG_MISSING_KEY', message, `add ${missing}, or remove ${there}`, 'key');
  }
  if (pull.caFile !== undefined && pull.plainHttp) {
    report.add([...path, 'caFile'], 'SLUICE_CONFIG_CONFLICT', 'http has no certificates', 'remove caFile', 'key');
  }
  if (pull.timeout > 0 && pull.timeout <= DAY_MS) return;
  const message = 'the duration is out of range';
  report.add([...path, 'timeout'], 'SLUICE_CONFIG_VALUE', message, 'give more than 0s, and at most 24h');
}
