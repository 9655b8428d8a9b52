import { Agent, request } from 'node:http';

// The load where there is no wrk: so many keep-alive connections, each with one request under way at a time.
// argv: url seconds connections headers (JSON). Prints the same line as report.lua.

const [, , url = '', seconds = '', connections = '', headersJson = '{}'] = process.argv;
const agent = new Agent({ keepAlive: true, maxSockets: Number(connections) });
const headers = JSON.parse(headersJson) as Record<string, string>;
const latencies: number[] = [];
let errors = 0;
const startedAt = performance.now();
const endAt = startedAt + Number(seconds) * 1000;

function exchange(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const sentAt = performance.now();
  const sent = request(url, { agent, headers }, (response) => {
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
  sent.end();
  return promise;
}

async function connection(): Promise<void> {
  while (performance.now() < endAt) await exchange();
}

await Promise.all(Array.from({ length: Number(connections) }, connection));
const took = (performance.now() - startedAt) / 1000;
agent.destroy();
latencies.sort((a, b) => a - b);
const percentile = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
const [p50, p99, max] = [percentile(0.5), percentile(0.99), latencies.at(-1) ?? 0];
console.log(JSON.stringify({ requests: latencies.length, seconds: took, errors, p50, p99, max }));
