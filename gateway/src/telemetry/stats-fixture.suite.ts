import type { GatewayStats } from './gateway-stats.ts';

/** A small gateway for tests: one of everything, with label values that need escaping. */
export function statsFixture(overrides: Partial<GatewayStats> = {}): GatewayStats {
  return {
    version: '0.1.0',
    snapshotVersion: () => 7,
    configReloads: () => ({ success: 3, failure: 1 }),
    gatewayFile: () => ({
      file: 'gateway.yaml',
      state: 'pending',
      pending: ['registries'],
      errors: ['gateway.yaml:1:1 apiVersion: …'],
    }),
    unsavedTenants: () => 2,
    tenants: () => [
      {
        tenant: 'home',
        state: 'stale',
        domains: ['app.home.example.com'],
        routes: 2,
        lanes: ['gray'],
        file: 'tenants/home.yaml',
        loadedAt: 1_767_225_600_000,
        errors: ['tenants/home.yaml:3:1 unknown key'],
      },
    ],
    registries: () => [{ registry: 'nacos', type: 'nacos', connected: false, lastError: 'connection refused' }],
    services: () => [
      {
        tenant: 'home',
        service: 'device-service',
        registry: 'nacos',
        namespace: 'home-prod',
        group: 'DEFAULT_GROUP',
        name: 'device-service',
        state: 'stale',
        endpoints: [
          { address: '10.0.0.7:8080', lane: 'baseline', weight: 1, healthy: true, cluster: 'DEFAULT' },
          { address: '10.0.0.8:8080', lane: 'baseline', weight: 1, healthy: false, cluster: 'DEFAULT' },
          { address: '10.0.0.9:8080', lane: 'gray', weight: 2, healthy: true, cluster: 'DEFAULT' },
        ],
      },
      {
        tenant: 'home',
        service: 'empty-service',
        registry: 'nacos',
        namespace: 'home-prod',
        group: 'DEFAULT_GROUP',
        name: 'empty-service',
        state: 'pending',
        endpoints: [],
      },
    ],
    plugins: () => [
      {
        plugin: 'key-auth',
        tenant: 'home',
        state: 'open',
        digest: 'ab',
        abi: '0.2.1',
        calls: 10,
        seconds: 0.25,
        fuel: 5000,
        traps: { fuel: 2, unreachable: 1 },
        callouts: { success: 9, timeout: 1 },
        evictions: 3,
        instances: 1,
        memoryBytes: 65_536,
        lastError: 'out of fuel',
      },
    ],
    modules: () => [
      {
        plugin: 'key-auth',
        file: '/etc/sluice/key-auth.wasm',
        state: 'stale',
        digest: 'ab',
        loadedAt: 1_767_225_600_000,
        error: 'it is not a WebAssembly module',
        loads: { success: 2, failure: 1 },
      },
    ],
    pluginMetrics: () => [
      { plugin: 'key-auth', tenant: 'home', name: 'denied "x"', kind: 'counter', value: 4, count: 0 },
      { plugin: 'key-auth', tenant: 'home', name: 'size', kind: 'gauge', value: -2, count: 0 },
      { plugin: 'key-auth', tenant: 'home', name: 'latency', kind: 'histogram', value: 30, count: 3 },
    ],
    listeners: () => [
      {
        listener: 'https',
        address: '::',
        port: 8443,
        connections: 5,
        certificates: [
          { file: 'certs/home.crt', names: ['app.home.example.com'], expiresAt: 1_798_761_600_000, error: '' },
        ],
      },
    ],
    certificateReloads: () => ({ success: 2, failure: 1 }),
    tlsHandshakes: () => ({ full: 6, resumed: 5 }),
    workers: () => [
      {
        worker: 1,
        state: 'serving',
        restarts: { memory: 2 },
        lastEnd: 'memory: out of memory',
        snapshotVersion: 7,
        lag: 0,
        activeExchanges: 2,
        eventLoopDelaySeconds: 0.002,
        overloadLevel: 1,
        pressures: { connections: 0.8, heap: 0 },
      },
    ],
    accessLogDropped: () => 9,
    refused: () => ({ exchanges: 11, connections: 12 }),
    quotas: () => [
      {
        tenant: 'home',
        limits: { requestsPerSecond: 10, burst: 10, concurrency: 3 },
        active: 2,
        refusedByRate: 13,
        refusedByConcurrency: 14,
      },
    ],
    sharedData: () => ({ usedBytes: 4096, refused: 15 }),
    ...overrides,
  };
}
