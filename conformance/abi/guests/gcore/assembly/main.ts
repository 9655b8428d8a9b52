// The scenarios of scenarios.ts with @gcoredev/proxy-wasm-sdk-as.
export * from '@gcoredev/proxy-wasm-sdk-as/assembly/proxy';
import {
  BaseContext,
  BufferTypeValues,
  call_foreign_function,
  Context,
  Counter,
  dequeue_shared_queue,
  enqueue_shared_queue,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  FilterTrailersStatusValues,
  Gauge,
  get_buffer_bytes,
  get_property,
  get_shared_data,
  GrpcStatusValues,
  Headers,
  Histogram,
  log,
  LogLevelValues,
  makeHeaderPair,
  register_shared_queue,
  registerRootContext,
  resolve_shared_queue,
  RootContext,
  send_local_response,
  set_buffer_bytes,
  set_property,
  set_shared_data,
  set_tick_period_milliseconds,
  stream_context,
  WasmResultValues,
} from '@gcoredev/proxy-wasm-sdk-as/assembly';

function encode(text: string): ArrayBuffer {
  return String.UTF8.encode(text);
}

function decode(bytes: ArrayBuffer): string {
  return String.UTF8.decode(bytes);
}

function answer(status: u32, body: string, headers: Headers = []): void {
  send_local_response(status, 'abi_local', encode(body), headers, GrpcStatusValues.InvalidCode);
}

class Root extends RootContext {
  ticks: i32 = 0;
  counter: Counter = new Counter('guest_counter');
  gauge: Gauge = new Gauge('guest_gauge');
  histogram: Histogram = new Histogram('guest_histogram');

  onConfigure(size: u32): bool {
    super.onConfigure(size);
    set_tick_period_milliseconds(50);
    register_shared_queue('guest');
    return true;
  }

  onTick(): void {
    if (this.ticks < 3) log(LogLevelValues.info, 'abi tick');
    this.ticks++;
  }

  onQueueReady(token: u32): void {
    const item = dequeue_shared_queue(token);
    if (item.result == WasmResultValues.Ok) log(LogLevelValues.info, 'abi dequeued ' + decode(item.data!));
  }

  createContext(id: u32): Context {
    return new Scenario(id, this);
  }
}

class Scenario extends Context {
  name: string = '';

  onRequestHeaders(count: u32, endOfStream: bool): FilterHeadersStatusValues {
    const request = stream_context.headers.request;
    const name = request.get('x-scenario');
    this.name = name;
    if (name == 'headers') {
      request.add('x-added', '1');
      request.add('x-added', '2');
      request.replace('x-replace', 'new');
      request.remove('x-remove');
    } else if (name == 'pairs') {
      const all = request.get_headers();
      all.push(makeHeaderPair('x-count', all.length.toString()));
      request.set_headers(all);
    } else if (name == 'local-headers') {
      answer(403, 'local headers', [makeHeaderPair('x-local', 'headers')]);
      return FilterHeadersStatusValues.StopIteration;
    } else if (name == 'config') {
      answer(200, this.root_context.getConfiguration());
      return FilterHeadersStatusValues.StopIteration;
    } else if (name == 'shared') {
      answer(200, countUp().toString());
      return FilterHeadersStatusValues.StopIteration;
    } else if (name == 'callout' || name == 'callout-reply') return this.callOut('echo');
    else if (name == 'callout-refused') return this.callOut('nowhere');
    else if (name == 'queue') enqueue_shared_queue(resolve_shared_queue('', 'guest').token, encode('item'));
    else if (name == 'metrics') this.measure();
    else if (name == 'property') this.readProperties();
    else if (name == 'foreign') {
      request.replace('x-foreign', call_foreign_function('get_log_level', '').byteLength.toString());
    } else if (name == 'log') this.logAll();
    else if (name == 'panic') throw new Error('panic as told');
    return FilterHeadersStatusValues.Continue;
  }

  onRequestBody(size: usize, endOfStream: bool): FilterDataStatusValues {
    if (this.name == 'local-body') {
      answer(403, 'local body', [makeHeaderPair('x-local', 'body')]);
      return FilterDataStatusValues.StopIterationNoBuffer;
    }
    return this.rewrite(BufferTypeValues.HttpRequestBody, size as u32, endOfStream);
  }

  onRequestTrailers(count: u32): FilterTrailersStatusValues {
    const trailers = stream_context.trailers.request;
    if (this.name == 'trailers') trailers.add('x-guest-trailer', trailers.get('x-trailer'));
    return FilterTrailersStatusValues.Continue;
  }

  onResponseHeaders(count: u32, endOfStream: bool): FilterHeadersStatusValues {
    const response = stream_context.headers.response;
    if (this.name == 'headers') {
      response.replace('x-up', 'changed');
      response.add('x-resp', '1');
      response.remove('x-two');
    } else if (this.name == 'local-response') {
      answer(403, 'local response', [makeHeaderPair('x-local', 'response')]);
      return FilterHeadersStatusValues.StopIteration;
    } else if (this.name == 'property') {
      const code = get_property('response.code');
      response.replace('x-prop-code', load<i64>(changetype<usize>(code)).toString());
    }
    return FilterHeadersStatusValues.Continue;
  }

  onResponseBody(size: usize, endOfStream: bool): FilterDataStatusValues {
    return this.rewrite(BufferTypeValues.HttpResponseBody, size as u32, endOfStream);
  }

  onResponseTrailers(count: u32): FilterTrailersStatusValues {
    const trailers = stream_context.trailers.response;
    if (this.name == 'trailers') trailers.add('x-guest-tail', trailers.get('x-tail'));
    return FilterTrailersStatusValues.Continue;
  }

  onLog(): void {
    if (this.name == 'log') log(LogLevelValues.info, 'abi logged ' + stream_context.headers.response.get(':status'));
  }

  rewrite(buffer: BufferTypeValues, size: u32, endOfStream: bool): FilterDataStatusValues {
    if (this.name != 'body') return FilterDataStatusValues.Continue;
    if (!endOfStream) return FilterDataStatusValues.StopIterationAndBuffer;
    const body = decode(get_buffer_bytes(buffer, 0, size));
    set_buffer_bytes(buffer, 0, size, encode('rewritten:' + body));
    return FilterDataStatusValues.Continue;
  }

  callOut(service: string): FilterHeadersStatusValues {
    const headers = [
      makeHeaderPair(':method', 'GET'),
      makeHeaderPair(':path', '/callout'),
      makeHeaderPair(':authority', 'echo'),
    ];
    const sent = this.root_context.httpCall(service, headers, new ArrayBuffer(0), [], 5000, this, called);
    if (sent != WasmResultValues.Ok) answer(500, 'refused');
    return FilterHeadersStatusValues.StopAllIterationAndWatermark;
  }

  measure(): void {
    const root = this.root_context as Root;
    root.counter.increment(2);
    root.gauge.record(root.gauge.metric_id, 7);
    root.histogram.record(root.histogram.metric_id, 5);
  }

  readProperties(): void {
    const request = stream_context.headers.request;
    request.replace('x-prop-method', decode(get_property('request.method')));
    set_property('abi.guest', encode('set'));
    request.replace('x-prop-set', decode(get_property('abi.guest')));
    request.replace('x-prop-absent', get_property('no.such.thing').byteLength == 0 ? 'absent' : 'there');
  }

  logAll(): void {
    log(LogLevelValues.trace, 'abi trace line');
    log(LogLevelValues.debug, 'abi debug line');
    log(LogLevelValues.info, 'abi info line');
    log(LogLevelValues.warn, 'abi warn line');
    log(LogLevelValues.error, 'abi error line');
  }
}

function countUp(): i64 {
  let count: i64 = 0;
  let stored = WasmResultValues.CasMismatch;
  while (stored == WasmResultValues.CasMismatch) {
    const old = get_shared_data('count');
    count = old.result == WasmResultValues.Ok ? I64.parseInt(decode(old.value!)) + 1 : 1;
    const cas: u32 = old.result == WasmResultValues.Ok ? old.cas : 0xffff_ffff;
    stored = set_shared_data('count', encode(count.toString()), cas);
  }
  return count;
}

function called(origin: BaseContext, headers: u32, size: usize, trailers: u32): void {
  const context = origin as Scenario;
  const answered = stream_context.headers.http_callback;
  const body = decode(get_buffer_bytes(BufferTypeValues.HttpCallResponseBody, 0, size as u32));
  if (context.name == 'callout-reply') {
    answer(401, body);
    return;
  }
  const value = answered.get(':status') + ' ' + answered.get('x-callout') + ' ' + body;
  stream_context.headers.request.replace('x-called', value);
  context.continueRequest();
}

registerRootContext((id: u32): RootContext => new Root(id), 'abi');
