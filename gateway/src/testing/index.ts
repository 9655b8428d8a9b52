/**
 * What authors of plugins test with: the gateway's own plugin host, in memory and without sockets.
 *
 * `const host = await loadPlugin('build/x.wasm', { config });` starts a module as the gateway would,
 * `const ex = await host.exchange({ request, upstream });` runs an exchange through it.
 */
export { driveExchange, type Outcome, type SeenRequest, type SeenResponse, type TestUpstream } from './drive.ts';
export { fakeExchange, type TestBody, type TestHeaders, type TestRequest } from './fake-exchange.ts';
export { PluginRefused } from './load-error.ts';
export type { LoadOptions, TestExchange, TestValue } from './options.ts';
export { loadPlugin, type PluginTestHost } from './plugin-host.ts';
export type { LogLine } from './recording-log.ts';
export type {
  TestCall,
  TestCalloutResult,
  TestChange,
  TestPhase,
  TestResult,
  TestSight,
} from './results.ts';
export { TestClock } from './test-clock.ts';
export type { TestForeignFunction } from './test-foreign.ts';
export type { TestGrpcCall, TestGrpcListener, TestGrpcService } from './test-grpc.ts';
export type { TestQueue } from './test-queue.ts';
export type { TestCallout, TestService } from './test-services.ts';
export type { TestSharedData } from './test-shared-data.ts';
export type { PluginManifest, PluginPhase, WantedPermissions } from '../wasm/manifest.ts';
