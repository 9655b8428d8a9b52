import { OUT_NUMBER, utf8 } from './memory';
import { MetricType, Status } from './types';

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
 * A named series of the plugin. It is defined with the host on first use, so that a metric may be a top-level constant;
 * call `define` in `onConfigure` to have it shown with 0 before that.
 */
export abstract class Metric {
  private id: u32 = 0;
  private defined: bool = false;

  protected constructor(private type: MetricType, readonly name: string) {}

  define(): Status {
    if (this.defined) return Status.Ok;
    const bytes = utf8(this.name);
    const status = proxy_define_metric(this.type, changetype<usize>(bytes), bytes.byteLength, OUT_NUMBER);
    if (status == Status.Ok) {
      this.id = load<u32>(OUT_NUMBER);
      this.defined = true;
    }
    return status;
  }

  protected addValue(delta: i64): Status {
    const status = this.define();
    return status == Status.Ok ? proxy_increment_metric(this.id, delta) : status;
  }

  protected recordValue(value: i64): Status {
    const status = this.define();
    return status == Status.Ok ? proxy_record_metric(this.id, value) : status;
  }

  protected currentValue(): i64 {
    if (this.define() != Status.Ok) return 0;
    return proxy_get_metric(this.id, OUT_NUMBER) == Status.Ok ? load<i64>(OUT_NUMBER) : 0;
  }
}

/** Counts upwards. */
@final
export class Counter extends Metric {
  constructor(name: string) {
    super(MetricType.Counter, name);
  }

  increment(by: u32 = 1): Status {
    return this.addValue(by);
  }

  /** Sum over this worker's life, or what the host reports instead; 0 when it cannot say. */
  value(): i64 {
    return this.currentValue();
  }
}

/** A level that goes up and down. */
@final
export class Gauge extends Metric {
  constructor(name: string) {
    super(MetricType.Gauge, name);
  }

  set(value: i64): Status {
    return this.recordValue(value);
  }

  add(delta: i64): Status {
    return this.addValue(delta);
  }

  value(): i64 {
    return this.currentValue();
  }
}

/** A distribution of values, such as durations. */
@final
export class Histogram extends Metric {
  constructor(name: string) {
    super(MetricType.Histogram, name);
  }

  record(value: u32): Status {
    return this.recordValue(value);
  }
}
