// Certificates are exchanged while clients are connected over TLS, and others come.
import { percentile } from '../figures.ts';
import type { CaseOutcome } from '../suite.ts';
import { check, until } from '../until.ts';
import { KeepAliveClient } from './client.ts';
import { ClientLoad } from './client-load.ts';
import { type ReloadWorld, STEADY, STEADY_PATH, unharmed, writeCertificate } from './world.ts';

const SWAPS = 12;
/** So many new connections in a row have to have the new certificate; from then on all have. */
const IN_A_ROW = 12;

export async function exchangesCertificates(world: ReloadWorld): Promise<CaseOutcome> {
  const target = { port: world.ports.https, tls: true };
  const load = world.load({ ...target, connections: 8, delayMs: 10 });
  const stay = { target: () => target, clients: 4, host: STEADY, path: STEADY_PATH, pauseMs: 20 };
  const staying = new ClientLoad(stay);
  const liveMs: number[] = [];
  let handshakes = 0;
  for (let swap = 0; swap < SWAPS; swap++) {
    const fingerprint = writeCertificate(world.files);
    const start = performance.now();
    let newest = 0;
    await until(
      'new connections to get the new certificate',
      async () => {
        newest = (await certificateOfNew(target)) === fingerprint ? newest + 1 : 0;
        handshakes++;
        return newest;
      },
      (seen) => seen >= IN_A_ROW,
    );
    liveMs.push(performance.now() - start);
    for (let more = 0; more < IN_A_ROW; more++, handshakes++) {
      const seen = await certificateOfNew(target);
      check(seen === fingerprint, `the certificate of swap ${swap}, ${fingerprint}`, seen);
    }
  }
  const { requests } = await unharmed('the listener with TLS', load);
  const kept = await staying.stop();
  check(kept.failed === 0, 'no failed request of clients that stay', kept);
  check(kept.connections === stay.clients, 'connections to stay open', kept);
  const measured = {
    swaps: SWAPS,
    handshakes,
    requests: requests + kept.requests,
    liveP50Ms: Math.round(percentile(liveMs, 0.5)),
  };
  return { detail: 'no connection lost, and every new one gets the new certificate', measured };
}

/** A new connection with one request. */
async function certificateOfNew(target: { readonly port: number }): Promise<string> {
  const client = new KeepAliveClient(() => ({ ...target, tls: true }));
  try {
    const { status, head } = await client.get(STEADY, STEADY_PATH);
    check(status === 200, 'a new connection to be served', head);
    return client.fingerprint;
  } finally {
    client.close();
  }
}
