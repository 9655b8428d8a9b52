import { describe, expect, it } from 'vitest';
import { MetricSlots, UNMATCHED_SERIES } from '../core/metrics.ts';
import { SeriesTable } from '../core/series-table.ts';
import { METRICS, type MetricFamily } from './metric-names.ts';
import { METRICS_CONTENT_TYPE, MetricsPage } from './metrics.ts';
import { labelValue, renderRouteMetrics } from './route-metrics.ts';
import { statsFixture } from './stats-fixture.suite.ts';

const FAMILIES: readonly MetricFamily[] = Object.values(METRICS);

describe('metric names', () => {
  it.each(FAMILIES.map((family) => [family.name, family] as const))(
    '%s follows the rules of Prometheus',
    (name, family) => {
      expect(name).toMatch(/^sluice_[a-z]+(_[a-z]+)*$/);
      expect(name.endsWith('_total')).toBe(family.type === 'counter');
      expect(name).not.toMatch(/_(ms|milliseconds|microseconds|kb|count|sum|bucket)(_|$)/);
      expect(family.help).toMatch(/^[A-Z0-9][ -~]*\.$/);
      for (const label of family.labels) expect(label).toMatch(/^[a-z]+$/);
    },
  );

  it('are documented', async () => {
    const rows = FAMILIES.map(({ name, type, labels, help }) => {
      const shown = labels.map((label) => `\`${label}\``).join(', ');
      return `| \`${name}\` | ${type} | ${shown === '' ? '–' : shown} | ${help} |`;
    });
    await expect(`${DOCS_HEAD}${rows.join('\n')}\n`).toMatchFileSnapshot('../../../docs/metrics.md');
  });
});

const DOCS_HEAD = `# Metrics

\`GET /metrics\` of the admin API, in Prometheus' text format. Beside these stand the usual series of a Node.js process
under \`sluice_process_*\` and \`sluice_nodejs_*\`.

- \`lane\` is \`baseline\` or the lane's name. \`code\` is \`1xx\` … \`5xx\`, or \`aborted\` where the client never got a
  complete response.
- Series of a route appear with its first finished request. Requests to an unknown domain are counted under tenant and
  route \`_none\`; requests of a route that was removed while they ran, and routes beyond the limit of 100 000 series,
  under \`_other\`.
- Counters start at zero with the process, and with a route that was removed and came back. Those of a plugin in a tenant go on
  when its module or its configuration there changes, and end when the tenant uses it no longer.

| name | type | labels | meaning |
|---|---|---|---|
`;

/** Samples of a page as `name{labels}` → value; fails on anything that is not a comment or a sample. */
function samplesOf(page: Buffer): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of page.toString().trimEnd().split('\n')) {
    if (line === '' || line.startsWith('# ')) continue;
    const match = /^([a-z_0-9A-Z]+(?:\{(?:[a-zA-Z_]+="(?:[^"\\\n]|\\["\\n])*",?)*\})?) (\S+)$/.exec(line);
    expect(match, line).not.toBeNull();
    expect(Number.isNaN(Number(match![2])), line).toBe(/^nan$/i.test(match![2]!));
    expect(samples.has(match![1]!), `repeated: ${line}`).toBe(false);
    samples.set(match![1]!, Number(match![2]));
  }
  return samples;
}

const OWN =
  /^sluice_(build_info|snapshot|worker|config|discovery|accesslog|plugin|listener|metric|tenant|overload|certificate|tls|state)/;
const EXPECTED = {
  [`sluice_build_info{version="0.1.0",node="${process.version}"}`]: 1,
  sluice_snapshot_version: 7,
  'sluice_config_reloads_total{result="success"}': 3,
  'sluice_config_reloads_total{result="failure"}': 1,
  'sluice_config_tenant_state{tenant="home",state="active"}': 0,
  'sluice_config_tenant_state{tenant="home",state="stale"}': 1,
  'sluice_config_tenant_state{tenant="home",state="failed"}': 0,
  'sluice_discovery_connected{registry="nacos"}': 0,
  'sluice_discovery_endpoints{tenant="home",service="device-service",lane="baseline"}': 2,
  'sluice_discovery_endpoints{tenant="home",service="device-service",lane="gray"}': 1,
  'sluice_discovery_endpoints{tenant="home",service="empty-service",lane="baseline"}': 0,
  'sluice_discovery_healthy_endpoints{tenant="home",service="device-service",lane="baseline"}': 1,
  'sluice_discovery_healthy_endpoints{tenant="home",service="device-service",lane="gray"}': 1,
  'sluice_discovery_healthy_endpoints{tenant="home",service="empty-service",lane="baseline"}': 0,
  'sluice_plugin_calls_total{tenant="home",plugin="key-auth"}': 10,
  'sluice_plugin_seconds_total{tenant="home",plugin="key-auth"}': 0.25,
  'sluice_plugin_fuel_total{tenant="home",plugin="key-auth"}': 5000,
  'sluice_plugin_instances{tenant="home",plugin="key-auth"}': 1,
  'sluice_plugin_memory_bytes{tenant="home",plugin="key-auth"}': 65_536,
  'sluice_plugin_breaker_open{tenant="home",plugin="key-auth"}': 1,
  'sluice_plugin_traps_total{tenant="home",plugin="key-auth",cause="fuel"}': 2,
  'sluice_plugin_traps_total{tenant="home",plugin="key-auth",cause="unreachable"}': 1,
  'sluice_plugin_custom_total{tenant="home",plugin="key-auth",metric="denied \\"x\\""}': 4,
  'sluice_plugin_custom{tenant="home",plugin="key-auth",metric="size"}': -2,
  'sluice_plugin_custom_observations_sum{tenant="home",plugin="key-auth",metric="latency"}': 30,
  'sluice_plugin_custom_observations_count{tenant="home",plugin="key-auth",metric="latency"}': 3,
  sluice_accesslog_dropped_total: 9,
  'sluice_certificate_expiry_seconds{listener="https",name="app.home.example.com",file="certs/home.crt"}': 1_798_761_600,
  'sluice_certificate_reloads_total{result="failure"}': 1,
  'sluice_certificate_reloads_total{result="success"}': 2,
  'sluice_tls_handshakes_total{result="full"}': 6,
  'sluice_tls_handshakes_total{result="resumed"}': 5,
  'sluice_listener_connections{listener="https"}': 5,
  'sluice_config_gateway_state{state="active"}': 0,
  'sluice_config_gateway_state{state="stale"}': 0,
  'sluice_config_gateway_state{state="pending"}': 1,
  'sluice_worker_snapshot_version{worker="1"}': 7,
  'sluice_worker_active_exchanges{worker="1"}': 2,
  'sluice_worker_restarts_total{worker="1",reason="memory"}': 2,
  'sluice_worker_state{worker="1",state="starting"}': 0,
  'sluice_worker_state{worker="1",state="serving"}': 1,
  'sluice_worker_state{worker="1",state="restarting"}': 0,
  'sluice_worker_state{worker="1",state="draining"}': 0,
  'sluice_worker_event_loop_delay_seconds{worker="1"}': 0.002,
  'sluice_overload_level{worker="1"}': 1,
  'sluice_overload_pressure{worker="1",resource="connections"}': 0.8,
  'sluice_overload_pressure{worker="1",resource="heap"}': 0,
  'sluice_overload_refused_total{what="exchange"}': 11,
  'sluice_overload_refused_total{what="connection"}': 12,
  sluice_metric_series_overflowed_total: 0,
  'sluice_tenant_quota_refused_total{tenant="home",quota="rate"}': 13,
  'sluice_tenant_quota_refused_total{tenant="home",quota="concurrency"}': 14,
  'sluice_tenant_active_exchanges{tenant="home"}': 2,
  sluice_state_unsaved_tenants: 2,
  'sluice_plugin_callouts_total{tenant="home",plugin="key-auth",result="success"}': 9,
  'sluice_plugin_callouts_total{tenant="home",plugin="key-auth",result="timeout"}': 1,
  'sluice_plugin_queue_messages_total{tenant="home",plugin="key-auth",result="enqueued"}': 12,
  'sluice_plugin_queue_messages_total{tenant="home",plugin="key-auth",result="dropped"}': 2,
  'sluice_plugin_queue_depth{tenant="home",plugin="key-auth"}': 4,
  'sluice_plugin_evictions_total{tenant="home",plugin="key-auth"}': 3,
  'sluice_plugin_recycles_total{tenant="home",plugin="key-auth"}': 2,
  'sluice_plugin_log_dropped_total{tenant="home",plugin="key-auth"}': 8,
  'sluice_plugin_refusals_total{tenant="home",plugin="key-auth",reason="unavailable"}': 6,
  'sluice_plugin_refusals_total{tenant="home",plugin="key-auth",reason="cpu"}': 1,
  'sluice_plugin_module_loads_total{plugin="key-auth",result="success"}': 2,
  'sluice_plugin_module_loads_total{plugin="key-auth",result="failure"}': 1,
  'sluice_plugin_module_state{plugin="key-auth",state="active"}': 0,
  'sluice_plugin_module_state{plugin="key-auth",state="stale"}': 1,
  'sluice_plugin_module_state{plugin="key-auth",state="pending"}': 0,
  'sluice_plugin_module_state{plugin="key-auth",state="failed"}': 0,
  'sluice_plugin_module_pulls_total{plugin="key-auth",result="success"}': 1,
  'sluice_plugin_module_pulls_total{plugin="key-auth",result="failure"}': 3,
  'sluice_plugin_module_pulls_total{plugin="key-auth",result="cache"}': 0,
  sluice_plugin_shared_data_bytes: 4096,
  sluice_plugin_shared_data_refused_total: 15,
};

describe('MetricsPage', () => {
  it('shows routes and statistics on one page that parses', async () => {
    const table = new SeriesTable();
    const slots = new MetricSlots(table.attach());
    const [baseline, gray] = table
      .assign('home', [{ route: 'we"ird\\\nroute', lanes: ['', 'gray'] }])
      .get('we"ird\\\nroute')!;
    slots.observeRequest(baseline!, 200, 0.004, 10, 100);
    slots.observeRequest(baseline!, 502, 0.6, 10, 100);
    slots.observeRequest(gray!, 499, 100, 1, 2);
    slots.observeRequest(UNMATCHED_SERIES, 404, 0.001, 0, 0);
    const page = await new MetricsPage(table, statsFixture()).render();
    const samples = samplesOf(page);
    const route = 'tenant="home",route="we\\"ird\\\\\\nroute"';
    expect(samples.get(`sluice_requests_total{${route},lane="baseline",code="2xx"}`)).toBe(1);
    expect(samples.get(`sluice_requests_total{${route},lane="baseline",code="5xx"}`)).toBe(1);
    expect(samples.get(`sluice_requests_total{${route},lane="gray",code="aborted"}`)).toBe(1);
    expect(samples.get('sluice_requests_total{tenant="_none",route="_none",lane="baseline",code="4xx"}')).toBe(1);
    expect(samples.get(`sluice_request_duration_seconds_bucket{${route},lane="baseline",le="0.005"}`)).toBe(1);
    expect(samples.get(`sluice_request_duration_seconds_bucket{${route},lane="baseline",le="1"}`)).toBe(2);
    expect(samples.get(`sluice_request_duration_seconds_bucket{${route},lane="gray",le="30"}`)).toBe(0);
    expect(samples.get(`sluice_request_duration_seconds_bucket{${route},lane="gray",le="+Inf"}`)).toBe(1);
    expect(samples.get(`sluice_request_duration_seconds_count{${route},lane="baseline"}`)).toBe(2);
    expect(samples.get(`sluice_request_duration_seconds_sum{${route},lane="baseline"}`)).toBeCloseTo(0.604);
    expect(samples.get(`sluice_request_bytes_total{${route},lane="baseline"}`)).toBe(20);
    expect(samples.get(`sluice_response_bytes_total{${route},lane="gray"}`)).toBe(2);
    expect(Object.fromEntries([...samples].filter(([name]) => OWN.test(name)))).toEqual(EXPECTED);
    for (const { name, type } of FAMILIES) {
      expect(String(page).split(`# TYPE ${name} ${type}\n`), name).toHaveLength(2);
    }
    expect(METRICS_CONTENT_TYPE).toBe('text/plain; version=0.0.4; charset=utf-8');
  });

  it('forgets what is gone, and survives odd numbers', async () => {
    let gone = false;
    const fixture = statsFixture();
    const stats = statsFixture({
      services: () => (gone ? [] : fixture.services()),
      snapshotVersion: () => Number.NaN,
      configReloads: () => ({ success: -1, failure: Number.POSITIVE_INFINITY }),
    });
    const page = new MetricsPage(new SeriesTable(), stats);
    expect(String(await page.render())).toContain('sluice_discovery_endpoints{tenant="home"');
    gone = true;
    const samples = samplesOf(await page.render());
    expect([...samples.keys()].filter((name) => name.startsWith('sluice_discovery_endpoints'))).toEqual([]);
    expect(samples.get('sluice_snapshot_version')).toBe(0);
    expect(samples.get('sluice_config_reloads_total{result="failure"}')).toBe(0);
  });

  it('renders once for scrapes that overlap', async () => {
    let reads = 0;
    const stats = statsFixture({ snapshotVersion: () => ++reads });
    const page = new MetricsPage(new SeriesTable(), stats);
    const [one, two] = await Promise.all([page.render(), page.render()]);
    expect(one).toBe(two);
    expect(reads).toBe(1);
    await page.render();
    expect(reads).toBe(2);
  });

  it('prints 10 000 busy routes without more than linear work', () => {
    const table = new SeriesTable();
    const slots = new MetricSlots(table.attach());
    const routes = Array.from({ length: 10_000 }, (_, i) => ({ route: `device-api-${i}`, lanes: [''] }));
    for (const [handle] of table.assign('smart-home', routes).values())
      slots.observeRequest(handle!, 200, 0.01, 100, 1000);
    const started = performance.now();
    expect(renderRouteMetrics(table).length).toBeGreaterThan(1e7);
    // About 100 ms on an idle machine; what this catches takes many times longer.
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe('labelValue', () => {
  it.each([
    ['plain', 'plain'],
    ['a"b', 'a\\"b'],
    ['a\\b', 'a\\\\b'],
    ['a\nb', 'a\\nb'],
    ['"\n\\', '\\"\\n\\\\'],
    ['türkis', 'türkis'],
  ])('%j → %j', (value, escaped) => {
    expect(labelValue(value)).toBe(escaped);
  });
});
