import { describe, expect, it } from 'vitest';
import { request, type RequestOptions, routesOf } from './fixture.suite.ts';

function location(redirect: object, target = '/a/b?q=1', options?: RequestOptions): string | undefined {
  const x = request(target, options);
  return routesOf([{ match: { path: { prefix: '/a' } }, redirect }])
    .match(x)
    ?.redirect?.location(x);
}

const named: RequestOptions = { host: 'app.example.com:8080' };
const secure: RequestOptions = { host: 'app.example.com:8443', tls: true };

describe('Location', () => {
  it.each<[string, object, RequestOptions | undefined, string]>([
    ['host', { host: 'new.org' }, undefined, 'http://new.org/a/b?q=1'],
    ['host, port of the client', { host: 'new.org' }, named, 'http://new.org:8080/a/b?q=1'],
    ['host with a port', { host: 'new.org:9000' }, named, 'http://new.org:9000/a/b?q=1'],
    ['host with a port and a port', { host: 'new.org:9000', port: 80 }, named, 'http://new.org/a/b?q=1'],
    ['scheme', { scheme: 'https' }, undefined, 'https://app.example.com/a/b?q=1'],
    ['scheme, its own default port', { scheme: 'https' }, named, 'https://app.example.com/a/b?q=1'],
    ['scheme of the request', { scheme: 'https' }, secure, 'https://app.example.com/a/b?q=1'],
    ['scheme and port', { scheme: 'https', port: 8443 }, named, 'https://app.example.com:8443/a/b?q=1'],
    ['scheme and default port', { scheme: 'https', port: 443 }, named, 'https://app.example.com/a/b?q=1'],
    ['http and port 443', { scheme: 'http', port: 443 }, secure, 'http://app.example.com:443/a/b?q=1'],
    ['port', { port: 8081 }, undefined, 'http://app.example.com:8081/a/b?q=1'],
    ['default port', { port: 80 }, named, 'http://app.example.com/a/b?q=1'],
    ['default port of https', { port: 443 }, secure, 'https://app.example.com/a/b?q=1'],
    ['nothing but the port of the client', {}, secure, 'https://app.example.com:8443/a/b?q=1'],
    ['path', { path: '/new' }, undefined, 'http://app.example.com/new?q=1'],
    ['prefix', { replacePrefix: '/new' }, undefined, 'http://app.example.com/new/b?q=1'],
    ['prefix by /', { replacePrefix: '/' }, undefined, 'http://app.example.com/b?q=1'],
    ['IPv6', { port: 8081 }, { host: '[::1]:8080' }, 'http://[::1]:8081/a/b?q=1'],
    ['IPv6 without port', { scheme: 'https' }, { host: '[::1]' }, 'https://[::1]/a/b?q=1'],
    ['a port that is none', {}, { host: 'app.example.com:x' }, 'http://app.example.com/a/b?q=1'],
  ])('%s', (_, redirect, options, expected) => {
    expect(location(redirect, '/a/b?q=1', options)).toBe(expected);
  });

  it('always has a path', () => {
    expect(location({ replacePrefix: '/' }, '/a')).toBe('http://app.example.com/');
    expect(location({ replacePrefix: '/' }, '/a?x')).toBe('http://app.example.com/?x');
  });

  it.each([301, 302, 303, 307, 308])('with status %d', (status) => {
    const match = routesOf([{ redirect: { status } }]).match(request('/'));
    expect(match?.redirect?.status).toBe(status);
    expect(match?.route.split).toBeNull();
  });
});

describe('respond', () => {
  it('is handed over as configured', () => {
    const match = routesOf([{ respond: { status: 403, body: 'no' } }]).match(request('/'));
    expect(match?.route.respond).toEqual({ status: 403, headers: {}, body: 'no' });
    expect(match?.redirect).toBeNull();
  });
});
