import { type Registry, prometheusContentType } from 'prom-client';
import type { SeriesTable } from '../core/series-table.ts';
import type { Families } from './families.ts';
import type { GatewayStats } from './gateway-stats.ts';
import { METRICS } from './metric-names.ts';
import { renderPluginMetrics } from './plugin-metrics.ts';
import { gatewayFamilies, processRegistry } from './process-metrics.ts';
import { renderQuotaMetrics } from './quota-metrics.ts';
import { familyHead, renderRouteMetrics } from './route-metrics.ts';

/** `content-type` of the page. */
export const METRICS_CONTENT_TYPE: string = prometheusContentType;

/** The page that Prometheus scrapes: routes from metric slots, everything else from the gateway's statistics. */
export class MetricsPage {
  readonly #table: SeriesTable;
  readonly #stats: GatewayStats;
  readonly #process: Registry = processRegistry();
  readonly #families: Families;
  #running: Promise<Buffer> | null = null;

  constructor(table: SeriesTable, stats: GatewayStats) {
    this.#table = table;
    this.#stats = stats;
    this.#families = gatewayFamilies(stats);
  }

  /** Scrapes that overlap share one page, which may hold tens of megabytes. */
  render(): Promise<Buffer> {
    this.#running ??= this.#render().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #render(): Promise<Buffer> {
    const process = await this.#process.metrics();
    const overflowed = `${familyHead(METRICS.seriesOverflowed)}${METRICS.seriesOverflowed.name} ${this.#table.overflowed}\n`;
    const plugins = renderPluginMetrics(this.#stats.pluginMetrics());
    const few = `${process.trimEnd()}\n${this.#families.render()}${overflowed}${plugins}${renderQuotaMetrics(this.#stats.quotas())}`;
    return Buffer.concat([Buffer.from(few), renderRouteMetrics(this.#table)]);
  }
}
