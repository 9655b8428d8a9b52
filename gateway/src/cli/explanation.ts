import type { ErrorCode } from '../core/errors.ts';
import type { PRECEDENCE } from '../routing/route.ts';

/** What `sluice explain` says of one request; the shape of its JSON. */
export interface Explanation {
  /** As the client sends it. */
  readonly request: {
    readonly method: string;
    readonly scheme: 'http' | 'https';
    readonly host: string;
    /** Path and query. */
    readonly target: string;
    /** Caller's address after trusted proxies. */
    readonly clientAddress: string;
  };
  /** The gateway's own error answer; null when a route acts. */
  readonly refusal: Refusal | null;
  readonly tenant: { readonly name: string; readonly domain: string } | null;
  /** When no tenant has the host: domains that may have been meant, the nearest first. */
  readonly nearestDomains: readonly string[];
  readonly route: WinningRoute | null;
  /** Other alternatives that hold too, or nearly; at most five. */
  readonly candidates: readonly Candidate[];
  readonly lane: LaneChoice | null;
  /** In the order in which they see the request. */
  readonly plugins: readonly PluginPlace[];
  readonly action: Action | null;
}

export interface Refusal {
  readonly code: ErrorCode;
  readonly status: number;
  readonly message: string;
}

/** One alternative of a route, bound to one of its hosts. */
export interface Alternative {
  readonly route: string;
  /** Place in the route's `match`, from 1. */
  readonly alternative: number;
  /** null = every domain of the tenant. */
  readonly host: string | null;
  /** In words: 'GET,POST prefix /device'. */
  readonly match: string;
}

export interface WinningRoute extends Alternative {
  /** What decided against the next alternative that holds, of another route; null when there is none. */
  readonly won: Decisive | null;
}

/** The first difference in precedence. */
export interface Decisive {
  readonly over: string;
  readonly by: (typeof PRECEDENCE)[number];
  readonly words: string;
}

export interface Candidate extends Alternative {
  readonly holds: boolean;
  /** Why it did not win. */
  readonly reasons: readonly string[];
}

export interface LaneChoice {
  /** 'baseline', or the lane's name. */
  readonly name: string;
  /** 'tag', 'rule 1', 'percentage 2'; '' for baseline. */
  readonly rule: string;
  readonly reason: string;
  /** What was looked at until the decision, in order. */
  readonly steps: readonly LaneStep[];
  /** What happens when the lane has no usable endpoint; null for baseline. */
  readonly fallback: 'baseline' | 'reject' | null;
}

export interface LaneStep {
  readonly lane: string;
  readonly rule: string;
  readonly holds: boolean;
  readonly reason: string;
}

export interface PluginPlace {
  readonly name: string;
  readonly origin: 'gateway' | 'tenant' | 'route';
  readonly priority: number;
  readonly onFailure: 'closed' | 'open';
}

export type Action =
  | {
      readonly kind: 'upstream';
      readonly method: string;
      /** Path and query after the rewrite. */
      readonly target: string;
      readonly host: string;
      readonly tagHeader: string;
      /** null = the header is not sent. */
      readonly tag: string | null;
      readonly services: readonly ServiceShare[];
    }
  | { readonly kind: 'redirect'; readonly status: number; readonly location: string }
  | {
      readonly kind: 'respond';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly bodyBytes: number;
    };

export interface ServiceShare {
  readonly service: string;
  readonly weight: number;
  /** Share of the route's requests, 0 to 1. */
  readonly share: number;
  readonly registry: string;
  readonly namespace: string;
  readonly group: string;
  readonly name: string;
  /** With `--admin` only. */
  readonly live?: LiveService;
}

/** A service as the running gateway knows it. */
export interface LiveService {
  readonly state: 'unknown' | 'pending' | 'fresh' | 'stale' | 'held';
  readonly endpoints: readonly LiveEndpoint[];
  /** In words: who is picked, and what happens when the lane is empty. */
  readonly outcome: string;
  /** Nobody can be picked. */
  readonly refusal: Refusal | null;
}

export interface LiveEndpoint {
  readonly address: string;
  readonly lane: string;
  readonly weight: number;
  readonly healthy: boolean;
  readonly pickable: boolean;
}
