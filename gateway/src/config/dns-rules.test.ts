import { describe, expect, it } from 'vitest';
import { parseTenant } from './parse-tenant.ts';

const GATEWAY = { plugins: [], registries: { nacos: {} } };

/** Problems of a tenant file with one service, by key below the service. */
function problemsOf(service: string, more = 'discovery: { registry: nacos }'): string[] {
  const text = `tenant: home\ndomains: [app.example.com]\n${more}\nservices: { a: ${service} }`;
  return parseTenant('home.yaml', text, { gateway: GATEWAY }).problems.map(
    ({ line, column, key, message, remedy }) => `${line}:${column} ${key.slice(9)}: ${message} — ${remedy}`,
  );
}

describe('a service found by DNS', () => {
  it.each([
    '{ dns: api.example.com, port: 443, scheme: https }',
    '{ dns: API.Example.COM, port: 1 }',
    '{ dns: localhost, port: 65535 }',
    '{ dns: _https._tcp.example.com, loadBalancer: p2c }',
    '{ dns: _web._blue.service.consul }',
    '{ dns: my_service.home, port: 80 }',
  ])('may be %s, without any registry', (service) => {
    expect(problemsOf(service, '')).toEqual([]);
  });

  it('has neither list nor registry', () => {
    const service =
      '{ dns: x.com, port: 443, static: [{ address: "a:1" }], registry: nacos, namespace: n, group: g, name: n }';
    expect(problemsOf(service)).toEqual(
      [
        ['4:41', 'static'],
        ['4:71', 'registry'],
        ['4:88', 'namespace'],
        ['4:102', 'group'],
        ['4:112', 'name'],
      ].map(
        ([place, key]) =>
          `${place} a.${key}: a service found by DNS is in no registry and no list, so ${key} has no effect — remove ${key}, or dns`,
      ),
    );
  });

  it.each([
    ['{ dns: x.com }', '4:16 a: nobody knows the port of x.com — give port, or SRV records such as _http._tcp.x.com'],
    ['{ dns: _http._tcp.x.com, port: 80 }', '4:41 a.port: SRV records bring their ports — remove port, or name a host'],
    ['{ port: 80 }', '4:18 a.port: port has no effect without dns — give dns, or remove port'],
    [
      '{ port: 80, static: [{ address: "a:1" }] }',
      '4:18 a.port: port has no effect without dns — give the port in each address',
    ],
    ['{ dns: x.com, port: 0 }', '4:36 a.port: 0 is not valid here — give a whole number from 1 to 65535'],
    ['{ dns: x.com, port: "80" }', '4:36 a.port: "80" is text, not a number — remove the quotes: 80'],
    ['{ dns: 5, port: 80 }', '4:23 a.dns: 5 is a number, not text — put it in quotes: "5"'],
  ])('is refused as %s', (service, problem) => {
    expect(problemsOf(service)).toEqual([problem]);
  });

  it.each([
    [
      '10.0.0.7',
      'this is an address, there is nothing to look up — give addresses under static, such as "192.0.2.1:80"',
    ],
    ['127.1', 'this is an address, there is nothing to look up — give addresses under static, such as "192.0.2.1:80"'],
    [
      '0x7f000001',
      'this is an address, there is nothing to look up — give addresses under static, such as "192.0.2.1:80"',
    ],
    [
      '[::1]',
      'this is an address, there is nothing to look up — give addresses under static, such as "[2001:db8::1]:80"',
    ],
    ['x.com:80', 'a name has no port — give the port under port'],
    ['*.x.com', 'a wildcard cannot be looked up — write the whole name'],
    ['https://x.com/', 'a domain has neither scheme nor path — write the host name alone'],
    ['x.com.', 'a domain does not end with a dot — remove the last dot'],
    ['bücher.de', 'a host name in ASCII is wanted — write international names in their xn-- form'],
    [
      'x..com',
      'this is not a host name — write labels of letters, digits and inner dashes, 1 to 63 characters each, with dots between',
    ],
  ])('has no name such as %s', (dns, problem) => {
    expect(problemsOf(`{ dns: "${dns}", port: 80 }`)).toEqual([`4:23 a.dns: "${dns}": ${problem}`]);
  });
});
