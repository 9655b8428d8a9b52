import { describe, expect, it } from 'vitest';
import { issue } from '../config/certificate.suite.ts';
import type { CertificateSpec } from '../runtime/listener-feed.ts';
import { TlsContexts } from './tls-contexts.ts';
import { specOf, tlsOf } from './tls.suite.ts';

const pair = issue();

function certificate(id: string, names: readonly string[]): CertificateSpec {
  return { ...specOf(pair, names), id };
}

describe('TlsContexts', () => {
  const spec = tlsOf([
    certificate('default', ['default.example']),
    certificate('exact', ['a.example', 'www.b.example']),
    certificate('wild', ['*.b.example', 'b.example']),
    certificate('deep', ['*.c.b.example']),
    certificate('late', ['a.example']),
  ]);
  const contexts = new TlsContexts(spec, null);

  it.each([
    ['a.example', 'a.example'],
    ['A.Example', 'a.example'],
    ['www.b.example', 'a.example'],
    ['x.b.example', 'y.b.example'],
    ['y.c.b.example', 'z.c.b.example'],
  ])('%s has the certificate of %s', (name, other) => {
    expect(contexts.select(name)).toBeDefined();
    expect(contexts.select(name)).toBe(contexts.select(other));
  });

  it('tells names with different certificates apart', () => {
    const names = ['a.example', 'x.b.example', 'x.c.b.example'];
    expect(new Set(names.map((name) => contexts.select(name))).size).toBe(names.length);
  });

  it.each([
    'default.example',
    'unknown.example',
    'x.a.example',
    'x.y.b.example',
    'example',
    '',
    '.b.exampl',
    '10.0.0.1',
  ])('has the first certificate for %j', (name) => expect(contexts.select(name)).toBeUndefined());

  it('takes over what stays, and makes the rest anew', () => {
    const former = new TlsContexts(spec, null);
    const [a, wild] = [former.select('a.example'), former.select('x.b.example')];
    const certificates = spec.certificates.map((one) => (one.id === 'wild' ? { ...one, id: 'wild, renewed' } : one));
    const next = new TlsContexts({ ...spec, certificates }, former);
    expect(next.sameFallback(former)).toBe(true);
    expect(next.select('a.example')).toBe(a);
    expect(next.select('x.b.example')).not.toBe(wild);
  });

  it.each([
    ['ticket keys', { ticketKeys: Buffer.alloc(48, 1) }],
    ['least version', { minVersion: '1.3' }],
    ['life of tickets', { ticketLifetime: 60_000 }],
  ] as const)('takes over nothing when the %s change', (_, change) => {
    const former = new TlsContexts(spec, null);
    const a = former.select('a.example');
    const next = new TlsContexts({ ...spec, ...change }, former);
    expect(next.sameFallback(former)).toBe(false);
    expect(next.select('a.example')).not.toBe(a);
  });
});
