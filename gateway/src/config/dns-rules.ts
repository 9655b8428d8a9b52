import { isIP } from 'node:net';
import { domainProblem } from './hosts.ts';
import type { Path } from './problem.ts';
import { type Report, show } from './report.ts';
import { given } from './rules.ts';
import type { ServiceConfig } from './schema-tenant.ts';

/** `_service._proto.name` (RFC 2782). */
const SRV_NAME = /^_[^.]+\._[^.]+\.[^.]/;
/** What the lookup of a machine reads as an IPv4 address, all of its old notations included. */
const NUMERIC = /(^|\.)(\d+|0x[0-9a-f]*)$/i;

/** Checks of a service that is found by DNS, and of keys that only such a service has. */
export function checkDns(service: ServiceConfig, path: Path, report: Report): void {
  const { dns, port } = service;
  if (dns === undefined) {
    if (port === undefined || report.unread(path, ['dns'])) return;
    const remedy = service.static === undefined ? 'give dns, or remove port' : 'give the port in each address';
    report.add([...path, 'port'], 'SLUICE_CONFIG_CONFLICT', 'port has no effect without dns', remedy, 'key');
    return;
  }
  for (const key of given(service, ['static', 'registry', 'namespace', 'group', 'name'])) {
    const message = `a service found by DNS is in no registry and no list, so ${key} has no effect`;
    report.add([...path, key], 'SLUICE_CONFIG_CONFLICT', message, `remove ${key}, or dns`, 'key');
  }
  const problem = nameProblem(dns);
  if (problem !== null) {
    report.add([...path, 'dns'], 'SLUICE_CONFIG_VALUE', `${show(dns)}: ${problem.message}`, problem.remedy);
  } else checkPort(dns, port, path, report);
}

function nameProblem(dns: string): { message: string; remedy: string } | null {
  const family = isIP(dns.replace(/^\[(.*)\]$/, '$1'));
  if (family !== 0 || NUMERIC.test(dns)) {
    const example = family === 6 ? '"[2001:db8::1]:80"' : '"192.0.2.1:80"';
    const message = 'this is an address, there is nothing to look up';
    return { message, remedy: `give addresses under static, such as ${example}` };
  }
  if (dns.includes('*')) return { message: 'a wildcard cannot be looked up', remedy: 'write the whole name' };
  if (/^[^:/]+:\d+$/.test(dns)) return { message: 'a name has no port', remedy: 'give the port under port' };
  return domainProblem(dns.toLowerCase());
}

function checkPort(dns: string, port: number | undefined, path: Path, report: Report): void {
  const srv = SRV_NAME.test(dns);
  if (srv && port !== undefined) {
    const message = 'SRV records bring their ports';
    report.add([...path, 'port'], 'SLUICE_CONFIG_CONFLICT', message, 'remove port, or name a host', 'key');
  }
  if (srv || port !== undefined || report.unread(path, ['port'])) return;
  const message = `nobody knows the port of ${dns}`;
  report.add(path, 'SLUICE_CONFIG_MISSING_KEY', message, `give port, or SRV records such as _http._tcp.${dns}`);
}
