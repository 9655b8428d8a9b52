import type { FailurePolicy } from '../filters/wasm-filter.ts';
import type { FuelLimits } from '../wasm/fuel.ts';
import type { Clock } from '../wasm/host.ts';
import type { PermissionRules } from '../wasm/permissions.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { TestUpstream } from './drive.ts';
import type { TestRequest } from './fake-exchange.ts';
import type { TestClock } from './test-clock.ts';
import type { TestForeignFunction } from './test-foreign.ts';
import type { TestGrpcService } from './test-grpc.ts';
import type { TestService } from './test-services.ts';

/** Text (UTF-8), or bytes. */
export type TestValue = string | Uint8Array;

/** What a plugin under test runs with. Nothing in here has to be given. */
export interface LoadOptions {
  /** The plugin's configuration, handed over as JSON; default `{}`. A string is handed over as it is. */
  readonly config?: unknown;
  /** False: the configuration goes to the plugin without a look at the schema in its manifest. Default true. */
  readonly checkConfig?: boolean;
  /** What happens to an exchange when the plugin fails; default `closed`: 503. */
  readonly onFailure?: FailurePolicy;
  /** Name in the catalogue; default that of its manifest, else `plugin`. */
  readonly name?: string;
  /** Whose use of it this is; default `test`. '' = the gateway's own chain. */
  readonly tenant?: string;
  /**
   * Time as the plugin sees it. With a `TestClock` it stands still, and ticks and time limits come when the test advances
   * it. Default: the machine's clock, and ticks and time limits come by themselves.
   */
  readonly clock?: TestClock | Clock;
  /** Seed of all randomness that the plugin is given: equal seeds, equal bytes. Default 1. */
  readonly random?: number;
  /** Shared data that is there before the plugin starts, by key. */
  readonly sharedData?: Readonly<Record<string, TestValue>>;
  /** Queues of other plugins that are there before it starts, as `plugin/queue`. */
  readonly queues?: readonly string[];
  /** What the services answer that the plugin calls, by the name it uses; others do not exist. Default none. */
  readonly services?: Readonly<Record<string, TestService>>;
  /** The same for gRPC. */
  readonly grpcServices?: Readonly<Record<string, TestGrpcService>>;
  /** Foreign functions besides the gateway's own, or in their place, by name. */
  readonly foreignFunctions?: Readonly<Record<string, TestForeignFunction>>;
  /** What the operator allows it; default as in `gateway.yaml`. */
  readonly permissions?: Partial<PermissionRules>;
  /** Instructions per callback; defaults as in `gateway.yaml`. */
  readonly fuel?: Partial<FuelLimits>;
  /** Linear memory in bytes; default 16 MiB. */
  readonly memory?: number;
  /** Bytes of a body that it may hold; default 1 MiB. */
  readonly bodyLimit?: number;
  /** How long it may hold an exchange, in milliseconds; default 10 000. */
  readonly pauseMs?: number;
}

/** One exchange of a test. */
export interface TestExchange {
  /** What the client sends; default `GET /` without headers. */
  readonly request?: TestRequest;
  /** What the upstream answers when it has got the request; default 200 without headers and body. */
  readonly upstream?: TestUpstream;
  /** Properties that other plugins have set before, by dotted path. */
  readonly properties?: Readonly<Record<string, TestValue>>;
  /** Name of its route, which the plugin reads as `route_name`; default ''. */
  readonly route?: string;
  /** Name of its lane, read as `sluice.lane`; default '', the baseline. */
  readonly lane?: string;
  /** Name of the service it goes to; default ''. */
  readonly service?: string;
  /** Changes the exchange before the plugin sees it, in ways that have no key here. */
  readonly prepare?: (exchange: Exchange) => void;
}
