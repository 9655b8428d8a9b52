import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { summarize } from '../statistics.ts';

// The closed loop where there is no wrk. argv: a job in JSON. Prints a reading.

interface Job {
  readonly url: string;
  readonly seconds: number;
  readonly connections: number;
  readonly method: string;
  readonly bytes: number;
  readonly headers: Readonly<Record<string, string>>;
}

const { url, seconds, connections, method, bytes, headers } = JSON.parse(process.argv[2]!) as Job;
const settings = { keepAlive: headers['connection'] !== 'close', maxSockets: connections };
const [request, agent] = url.startsWith('https:')
  ? [httpsRequest, new HttpsAgent({ ...settings, rejectUnauthorized: false })]
  : [httpRequest, new HttpAgent(settings)];
const body = Buffer.alloc(bytes, 'x');
const latencies: number[] = [];
let errors = 0;
const startedAt = performance.now();
const endAt = startedAt + seconds * 1000;

function exchange(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const sentAt = performance.now();
  const sent = request(url, { agent, method, headers }, (response) => {
    response.resume();
    response.on('close', () => {
      latencies.push(performance.now() - sentAt);
      if (response.statusCode !== 200 || !response.complete) errors++;
      resolve();
    });
  });
  sent.on('error', () => {
    errors++;
    resolve();
  });
  if (bytes === 0) sent.end();
  else sent.end(body);
  return promise;
}

async function connection(): Promise<void> {
  while (performance.now() < endAt) await exchange();
}

await Promise.all(Array.from({ length: connections }, connection));
agent.destroy();
console.log(JSON.stringify(summarize(latencies, (performance.now() - startedAt) / 1000, errors)));
