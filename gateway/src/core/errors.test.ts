import { describe, expect, it } from 'vitest';
import { describeError, ERRORS, type ErrorCode, GatewayError } from './errors.ts';

const CODES = Object.keys(ERRORS) as ErrorCode[];

const DOCS_HEAD = `# Error codes

Every failure that Sluice reports carries one of these codes: in the error body
(\`{"error":{"code","message","traceId"}}\`), in \`response_code_details\` of the access log, in the process log, and in
the output of \`sluice check\`. A code never changes its meaning. \`source\` says who caused the failure; a status of –
means that it never becomes a response.

| code | status | source | meaning and remedy |
|---|---|---|---|
`;

describe('error codes', () => {
  it.each(CODES)('%s is well formed', (code) => {
    const { status, message } = describeError(code);
    expect(code).toMatch(/^SLUICE_[A-Z]+(_[A-Z]+)+$/);
    expect(status === 0 || (status >= 400 && status <= 599)).toBe(true);
    // Messages travel in header values and JSON.
    expect(message).toMatch(/^[A-Z][ -~]*\.$/);
  });

  it('have messages of their own', () => {
    expect(new Set(CODES.map((code) => describeError(code).message)).size).toBe(CODES.length);
  });

  it('blame nobody but clients with 4xx', () => {
    const blamed = CODES.filter((code) => describeError(code).status >= 400 && describeError(code).status < 500);
    expect(blamed.filter((code) => describeError(code).source !== 'client')).toEqual([]);
  });

  it('are documented (vitest -u writes the page)', async () => {
    const rows = [...CODES].sort().map((code) => {
      const { status, source, message } = describeError(code);
      return `| \`${code}\` | ${status === 0 ? '–' : status} | ${source} | ${message} |`;
    });
    await expect(`${DOCS_HEAD}${rows.join('\n')}\n`).toMatchFileSnapshot('../../../docs/errors.md');
  });
});

describe('GatewayError', () => {
  it('names the place before the message of the table, and keeps its cause', () => {
    const cause = new Error('EADDRINUSE');
    const error = new GatewayError('SLUICE_LISTENER_PORT_TAKEN', 'listener http [::]:8080', { cause });
    expect(error).toMatchObject({ code: 'SLUICE_LISTENER_PORT_TAKEN', detail: 'listener http [::]:8080', cause });
    expect(error.message).toBe(`listener http [::]:8080: ${ERRORS.SLUICE_LISTENER_PORT_TAKEN.message}`);
    expect(new GatewayError('SLUICE_GATEWAY_INTERNAL', '').message).toBe(ERRORS.SLUICE_GATEWAY_INTERNAL.message);
  });
});
