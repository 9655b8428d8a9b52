import { type Registry, prometheusContentType } from 'prom-client';
import type { SeriesTable } from '../core/series-table.ts';
import type { GatewayStats } from './gateway-stats.ts';
import { METRICS } from './metric-names.ts';
import { renderPluginMetrics } from './plugin-metrics.ts';
import { createProcessMetrics } from './process-metrics.ts';
import { familyHead, renderRouteMetrics } from './route-metrics.ts';

/** `content-type` of the page. */
export const METRICS_CONTENT_TYPE: string = prometheusContentType;

/** The page that Prometheus scrapes: routes from metric slots, everything else from the gateway's statistics. */
export class MetricsPage {
  readonly #table: SeriesTable;
  readonly #stats: GatewayStats;
  readonly #registry: Registry;
  #running: Promise<string> | null = null;

  constructor(table: SeriesTable, stats: GatewayStats) {
    this.#table = table;
    this.#stats = stats;
    this.#registry = createProcessMetrics(stats);
  }

  /** Scrapes that overlap share one page, which may hold tens of megabytes. */
  render(): Promise<string> {
    this.#running ??= this.#render().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #render(): Promise<string> {
    const own = await this.#registry.metrics();
    const overflowed = `${familyHead(METRICS.seriesOverflowed)}${METRICS.seriesOverflowed.name} ${this.#table.overflowed}\n`;
    const plugins = renderPluginMetrics(this.#stats.pluginMetrics());
    return `${own.trimEnd()}\n${overflowed}${plugins}${renderRouteMetrics(this.#table)}`;
  }
}
