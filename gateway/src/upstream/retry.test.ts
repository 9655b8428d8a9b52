import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../core/errors.ts';
import { mayRetry, type RetryPolicy } from './retry.ts';

const all: RetryPolicy = { attempts: 2, on: ['connect-failure', 'reset-before-response', 'try-timeout', 503] };

describe('mayRetry', () => {
  it.each<[ErrorCode | number, string, boolean]>([
    ['SLUICE_UPSTREAM_CONNECT_FAILED', 'GET', true],
    ['SLUICE_UPSTREAM_CONNECT_FAILED', 'POST', true],
    ['SLUICE_UPSTREAM_CONNECT_TIMEOUT', 'PATCH', true],
    ['SLUICE_UPSTREAM_OVERLOADED', 'POST', true],
    ['SLUICE_UPSTREAM_RESET', 'GET', true],
    ['SLUICE_UPSTREAM_RESET', 'HEAD', true],
    ['SLUICE_UPSTREAM_RESET', 'PUT', true],
    ['SLUICE_UPSTREAM_RESET', 'DELETE', true],
    ['SLUICE_UPSTREAM_RESET', 'OPTIONS', true],
    ['SLUICE_UPSTREAM_RESET', 'TRACE', true],
    ['SLUICE_UPSTREAM_RESET', 'POST', false],
    ['SLUICE_UPSTREAM_RESET', 'PATCH', false],
    ['SLUICE_UPSTREAM_RESET', 'get', false],
    ['SLUICE_UPSTREAM_TRY_TIMEOUT', 'GET', true],
    ['SLUICE_UPSTREAM_TRY_TIMEOUT', 'POST', false],
    [503, 'GET', true],
    [503, 'POST', false],
    [502, 'GET', false],
    ['SLUICE_UPSTREAM_PROTOCOL', 'GET', false],
    ['SLUICE_UPSTREAM_TIMEOUT', 'GET', false],
    ['SLUICE_CLIENT_ABORTED', 'GET', false],
    ['SLUICE_GATEWAY_INTERNAL', 'GET', false],
  ])('after %s of a %s request: %s', (failure, method, expected) => {
    expect(mayRetry(all, failure, 1, method, false)).toBe(expected);
    expect(mayRetry(all, failure, 1, method, true)).toBe(false);
    expect(mayRetry({ attempts: 2, on: [] }, failure, 1, method, false)).toBe(false);
  });

  it('stops after the attempts of the policy', () => {
    const tries = [1, 2, 3].map((made) => mayRetry(all, 503, made, 'GET', false));
    expect(tries).toEqual([true, true, false]);
    expect(mayRetry({ attempts: 0, on: [503] }, 503, 1, 'GET', false)).toBe(false);
  });
});
