/** What authors of plugins test with: the gateway's own plugin host, in memory and without sockets. */
export { driveExchange, type Outcome, type SeenRequest, type SeenResponse, type TestUpstream } from './drive.ts';
export { fakeExchange, type TestBody, type TestHeaders, type TestRequest } from './fake-exchange.ts';
export type { TestGrpcCall, TestGrpcListener, TestGrpcService } from './test-grpc.ts';
export type { TestCallout, TestService } from './test-services.ts';
export {
  loadPlugin,
  type LoadOptions,
  type LogLine,
  type PluginTestHost,
  type TestExchange,
  type TestResult,
} from './plugin-host.ts';
