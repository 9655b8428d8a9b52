import type { BodyBudgets } from '../core/body-budget.ts';
import type { Log } from '../core/log.ts';
import type { MetricSlots } from '../core/metrics.ts';
import { sw8Part } from '../core/trace.ts';
import type { TimerWheel } from '../core/wheel.ts';
import { LaneDecision } from '../routing/lanes.ts';
import type { DataPlane } from '../runtime/data-plane.ts';
import type { AccessLog } from '../telemetry/access-log.ts';
import type { UpstreamClient } from '../upstream/client.ts';
import type { TrustedProxies } from './forwarded.ts';

/** What a worker gives to the proxy. */
export interface GatewayParts {
  readonly dataPlane: DataPlane;
  readonly client: UpstreamClient;
  readonly wheel: TimerWheel;
  readonly metrics: MetricSlots;
  /** null = no access log. */
  readonly accessLog: AccessLog | null;
  readonly trusted: TrustedProxies;
  /** What filters may hold of bodies. */
  readonly bodies: BodyBudgets;
  readonly log: Log;
  /** Name of this replica in traces. */
  readonly instance: string;
}

/** Everything the exchanges of one worker share. */
export class Gateway {
  readonly dataPlane: DataPlane;
  readonly client: UpstreamClient;
  readonly wheel: TimerWheel;
  readonly metrics: MetricSlots;
  readonly accessLog: AccessLog | null;
  readonly trusted: TrustedProxies;
  readonly bodies: BodyBudgets;
  readonly log: Log;
  /** As sw8 carries it. */
  readonly sw8Instance: string;
  /** Scratch for the lane decision, which is taken and copied within one synchronous step. */
  readonly laneDecision = new LaneDecision();
  /** True: new exchanges are turned away. Set by whoever watches the worker's resources. */
  refusing = false;
  /** Exchanges between `handle` and `finish`. */
  activeExchanges = 0;

  constructor(parts: GatewayParts) {
    this.dataPlane = parts.dataPlane;
    this.client = parts.client;
    this.wheel = parts.wheel;
    this.metrics = parts.metrics;
    this.accessLog = parts.accessLog;
    this.trusted = parts.trusted;
    this.bodies = parts.bodies;
    this.log = parts.log;
    this.sw8Instance = sw8Part(parts.instance);
  }
}
