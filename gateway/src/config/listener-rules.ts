import { isIP } from 'node:net';
import { formatPath, type Path } from './problem.ts';
import { type Report, show } from './report.ts';
import { noRepeats } from './rules.ts';
import type { GatewayConfig } from './schema-gateway.ts';
import type { TlsConfig } from './schema-listener.ts';

/** Checks of listeners that a schema cannot make. */
export function checkListeners({ listeners, admin }: GatewayConfig, report: Report): void {
  noRepeats(
    listeners.map((listener) => listener.name),
    (index) => ['listeners', index, 'name'],
    'listener name',
    report,
  );
  for (const [index, { tls }] of listeners.entries()) checkRotation(tls, ['listeners', index, 'tls'], report);
  const all = listeners.map((listener, index) => ({ ...listener, path: ['listeners', index] as Path }));
  const listed = all.map((listener) => ({
    ...listener,
    what: `listener ${listener.name || formatPath(listener.path)}`,
  }));
  const adminSocket = { ...admin, what: 'the admin API', path: ['admin'] as Path };
  // Whichever stands in the file is to change.
  const adminWritten = report.sourceOf(['admin', 'port']) !== undefined;
  const sockets = adminWritten ? [...listed, adminSocket] : [adminSocket, ...listed];
  for (const [index, socket] of sockets.entries()) {
    if (isIP(socket.address) === 0) {
      const message = `${show(socket.address)} is not an IP address`;
      const remedy = 'give an address of this machine: :: for all, 127.0.0.1 for local use';
      report.add([...socket.path, 'address'], 'SLUICE_CONFIG_VALUE', message, remedy);
    }
    if (report.unread(socket.path, ['address'])) continue;
    const other = sockets
      .slice(0, index)
      .find((before) => sharesPort(before, socket) && !report.unread(before.path, ['address']));
    if (other === undefined) continue;
    const message = `port ${socket.port} is already taken by ${other.what}`;
    report.add([...socket.path, 'port'], 'SLUICE_CONFIG_CONFLICT', message, 'choose another port');
  }
}

interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/** Port 0 is a different one each time. */
function sharesPort(a: SocketAddress, b: SocketAddress): boolean {
  if (a.port !== b.port || a.port === 0) return false;
  const everywhere = (address: string): boolean => address === '::' || address === '0.0.0.0';
  return a.address === b.address || everywhere(a.address) || everywhere(b.address);
}

const SHORTEST_ROTATION_MS = 1000;
/** Clients do not keep tickets of TLS 1.3 longer (RFC 8446 §4.6.1). */
const LONGEST_ROTATION_MS = 7 * 24 * 3_600_000;

function checkRotation(tls: TlsConfig | undefined, path: Path, report: Report): void {
  if (tls === undefined) return;
  const { ticketRotation } = tls;
  if (ticketRotation >= SHORTEST_ROTATION_MS && ticketRotation <= LONGEST_ROTATION_MS) return;
  const message = 'session tickets cannot be rotated at this pace';
  report.add([...path, 'ticketRotation'], 'SLUICE_CONFIG_VALUE', message, 'give 1s to 168h; 12h is common');
}
