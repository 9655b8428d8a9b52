import { OUT_NUMBER } from '../dispatch/memory';
import { MetricType } from '../types/abi';
import { Status } from '../types/status';
import { utf8 } from '../types/text';

// @ts-ignore: decorator
@external('env', 'proxy_define_metric')
declare function proxy_define_metric(type: MetricType, name: usize, size: i32, outId: usize): Status;
// @ts-ignore: decorator
@external('env', 'proxy_increment_metric')
declare function proxy_increment_metric(id: u32, delta: i64): Status;
// @ts-ignore: decorator
@external('env', 'proxy_record_metric')
declare function proxy_record_metric(id: u32, value: i64): Status;
// @ts-ignore: decorator
@external('env', 'proxy_get_metric')
declare function proxy_get_metric(id: u32, outValue: usize): Status;

/**
 * A named series of the plugin: a `Counter`, `Gauge` or `Histogram`. It is defined with the host on first use, so that a
 * metric may be a top-level constant; after that a count is one host call without a look-up.
 *
 * Hosts know no labels. What would be one goes into the name, `refused_by_quota`, with an object for each value that is
 * made once and kept; a plugin has up to 256 series, and further ones are not shown.
 * @example at the top level
 * const hits = new Counter('hits');
 */
export abstract class Metric {
  /** 0 is no metric's number. */
  private hostNumber: u32 = 0;

  /** @internal */
  constructor(
    private type: MetricType,
    /** As the plugin gave it. */
    readonly name: string,
  ) {}

  /**
   * Has the series shown with 0 before it is used, when called in `onConfigure`; it may be called again at any time.
   * @example in a plugin
   * if (new Counter('refused').define() != Status.Ok) return this.refuse('the host has no metrics');
   */
  define(): Status {
    if (this.hostNumber) return Status.Ok;
    const bytes = utf8(this.name);
    const status = proxy_define_metric(this.type, changetype<usize>(bytes), bytes.byteLength, OUT_NUMBER);
    if (status == Status.Ok) this.hostNumber = load<u32>(OUT_NUMBER);
    return status;
  }

  /** @internal */
  protected addValue(delta: i64): Status {
    const status = this.define();
    return status == Status.Ok ? proxy_increment_metric(this.hostNumber, delta) : status;
  }

  /** @internal */
  protected recordValue(value: i64): Status {
    const status = this.define();
    return status == Status.Ok ? proxy_record_metric(this.hostNumber, value) : status;
  }

  /** @internal */
  protected currentValue(): i64 {
    if (this.define() != Status.Ok) return 0;
    return proxy_get_metric(this.hostNumber, OUT_NUMBER) == Status.Ok ? load<i64>(OUT_NUMBER) : 0;
  }
}
