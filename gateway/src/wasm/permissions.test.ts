import { describe, expect, it } from 'vitest';
import { calledService, Permissions } from './permissions.ts';

describe('services', () => {
  it.each<[string, Parameters<typeof calledService>[1], string | null]>([
    ['auth', { tenant: 'a', services: [] }, 'a/auth'],
    ['a/auth', { tenant: 'a', services: [] }, 'a/auth'],
    ['b/auth', { tenant: 'a', services: [] }, null],
    ['b/auth', { tenant: 'a', services: ['b/auth'] }, 'b/auth'],
    ['b/other', { tenant: 'a', services: ['b/auth'] }, null],
    ['auth', { tenant: '', services: ['b/auth'] }, null],
    ['/auth', { tenant: '', services: [] }, null],
    ['auth', { tenant: 'a', services: [], tenantServices: false }, null],
    ['a/auth', { tenant: 'a', services: [], tenantServices: false }, null],
    ['auth', { tenant: 'a', services: ['a/auth'], tenantServices: false }, 'a/auth'],
    ['b/auth', { tenant: 'a', services: ['b/auth'], tenantServices: false }, 'b/auth'],
  ])('%s for %j is %s', (name, caller, expected) => {
    const called = calledService(name, caller);
    expect(called === null ? null : `${called.tenant}/${called.service}`).toBe(expected);
    expect(new Permissions(caller.tenant, caller).mayCall(name)).toBe(expected !== null);
  });
});

describe('properties', () => {
  it.each<[string, boolean]>([
    ['request\0path', true],
    ['node\0id', true],
    ['node', true],
    ['node\0metadata', false],
    ['node\0metadata\0', false],
    ['node.metadata.secret', false],
    ['listener_metadata\0filter_metadata', false],
    ['listener_metadata_of_mine', true],
  ])('%j may be read by default: %s', (path, expected) => {
    expect(new Permissions('t').mayRead(path)).toBe(expected);
  });

  it.each<[string, boolean]>([
    ['request\0path', true],
    ['request.path', true],
    ['request\0path\0', true],
    ['request', false],
    ['requests', false],
    ['response\0headers\0x-a', true],
    ['response.headers', true],
    ['response\0code', false],
    ['source\0address', false],
    ['plugin_root_id', true],
    ['plugin_name\0', true],
    ['node\0metadata\0zone', true],
  ])('%j may be read by a plugin with a list: %s', (path, expected) => {
    const permissions = new Permissions('t', { properties: ['request.path', 'response.headers', 'node.metadata'] });
    for (let again = 0; again < 2; again++) expect(permissions.mayRead(path)).toBe(expected);
  });

  it('are told apart however many are asked for', () => {
    const permissions = new Permissions('t', { properties: ['x'] });
    for (let i = 0; i < 1000; i++) expect(permissions.mayRead(`a${i}`)).toBe(false);
    expect(permissions.mayRead('x')).toBe(true);
  });
});

describe('foreign functions and host calls', () => {
  it('are all allowed by default, and only those of a list with one', () => {
    expect(new Permissions('t').foreign('compress')).toBe(true);
    expect(new Permissions('t').hostCall('proxy_http_call')).toBe(true);
    const rules = { foreignFunctions: ['compress'], hostCalls: { allow: ['proxy_*'], deny: ['proxy_http_call'] } };
    const permissions = new Permissions('t', rules);
    expect(permissions.foreign('compress')).toBe(true);
    expect(permissions.foreign('uncompress')).toBe(false);
    expect(permissions.hostCall('proxy_log')).toBe(true);
    expect(permissions.hostCall('proxy_http_call')).toBe(false);
    expect(permissions.hostCall('fd_write')).toBe(false);
  });
});
