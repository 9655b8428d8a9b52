import type { HeaderList } from '../exchange/headers.ts';

/** Fields that belong to one connection (RFC 9110 §7.6.1), besides those that Connection itself names. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'transfer-encoding',
  'upgrade',
] as const;

/** Fields that Connection may name but that are the message's own: naming them must not strip them. */
const PROTECTED = new Set(['host', 'content-length', 'content-type', 'content-encoding', 'date']);

/**
 * Removes hop-by-hop fields, both the standard ones and those that `Connection` names. Runs before the gateway adds
 * fields of its own, so that a sender cannot have those stripped.
 */
export function removeHopByHop(headers: HeaderList): void {
  const connection = headers.get('connection');
  if (connection !== undefined) removeNamed(headers);
  for (const name of HOP_BY_HOP) headers.remove(name);
}

function removeNamed(headers: HeaderList): void {
  for (const value of headers.getAll('connection')) {
    for (const token of value.split(',')) {
      const name = token.trim().toLowerCase();
      if (name !== '' && !PROTECTED.has(name)) headers.remove(name);
    }
  }
}
