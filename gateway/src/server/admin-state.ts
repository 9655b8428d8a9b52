import type { GatewayStats } from '../telemetry/gateway-stats.ts';

/** One thing that keeps the gateway from being ready. */
export interface ReadinessReason {
  readonly part: 'config' | 'plugins' | 'discovery' | 'workers' | 'draining';
  /** What is missing, in words: 'no answer yet for smart-home/device-service'. */
  readonly reason: string;
}

export interface RouteStatus {
  readonly tenant: string;
  readonly route: string;
  readonly hosts: readonly string[];
  /** Each alternative in words, such as 'GET,POST prefix /device header x-api=v2'. */
  readonly matches: readonly string[];
  /** 'service device-service', 'services a:90 b:10', 'redirect 302', 'respond 200'. */
  readonly target: string;
  /** Names in the order in which they run on the request, chain and tenant included. */
  readonly plugins: readonly string[];
}

export interface SnapshotStatus {
  readonly version: number;
  /** When it was built, ms since the epoch; 0 = there is none yet. */
  readonly builtAt: number;
  /** The last configuration error, '' when the newest configuration is in force. */
  readonly lastError: string;
  /** When that error came, ms since the epoch; 0 = never. */
  readonly lastErrorAt: number;
}

/**
 * Everything the admin API shows, answered at once from memory. Whoever implements it leaves out secrets: what it
 * returns is sent as it is.
 */
export interface AdminState extends GatewayStats {
  /** Empty = ready. */
  readiness(): readonly ReadinessReason[];
  /** What is amiss without keeping the gateway from being ready. */
  warnings(): readonly ReadinessReason[];
  routes(): readonly RouteStatus[];
  snapshot(): SnapshotStatus;
  /** The whole page for Prometheus (`MetricsPage.render`). */
  metrics(): Promise<Buffer>;
}
