import type { PluginMetric } from './gateway-stats.ts';
import { METRICS } from './metric-names.ts';
import { familyHead, labelValue } from './route-metrics.ts';

/**
 * The metrics that plugins define, in Prometheus' text format. A plugin's name for its metric may be any text, so that
 * it stands in a label and never in a metric's name.
 */
export function renderPluginMetrics(metrics: readonly PluginMetric[]): string {
  let counters = familyHead(METRICS.pluginCustomCounter);
  let gauges = familyHead(METRICS.pluginCustomGauge);
  let summaries = familyHead(METRICS.pluginCustomSummary);
  for (const metric of metrics) {
    const labels = labelsOf(metric);
    if (metric.kind === 'counter') counters += `${METRICS.pluginCustomCounter.name}${labels} ${metric.value}\n`;
    else if (metric.kind === 'gauge') gauges += `${METRICS.pluginCustomGauge.name}${labels} ${metric.value}\n`;
    else {
      const name = METRICS.pluginCustomSummary.name;
      summaries += `${name}_sum${labels} ${metric.value}\n${name}_count${labels} ${metric.count}\n`;
    }
  }
  return counters + gauges + summaries;
}

function labelsOf({ tenant, plugin, name }: PluginMetric): string {
  return `{tenant="${labelValue(tenant)}",plugin="${labelValue(plugin)}",metric="${labelValue(name)}"}`;
}
