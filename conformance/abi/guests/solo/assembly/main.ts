// The scenarios of scenarios.ts with @solo-io/proxy-runtime 0.1.8; in the AssemblyScript of its day.
export * from '@solo-io/proxy-runtime/proxy';
import {
  Context,
  FilterHeadersStatusValues,
  FilterTrailersStatusValues,
  GrpcStatusValues,
  HeaderPair,
  log,
  LogLevelValues,
  registerRootContext,
  RootContext,
  send_local_response,
  stream_context,
  WasmResultValues,
} from '@solo-io/proxy-runtime';
import { BufferTypeValues, get_buffer_bytes, set_tick_period_milliseconds } from '@solo-io/proxy-runtime/runtime';

function pair(name: string, value: string): HeaderPair {
  return new HeaderPair(String.UTF8.encode(name), String.UTF8.encode(value));
}

function answer(status: u32, body: string, headers: HeaderPair[]): void {
  send_local_response(status, 'abi_local', String.UTF8.encode(body), headers, GrpcStatusValues.InvalidCode);
}

class Root extends RootContext {
  ticks: i32 = 0;

  onConfigure(size: u32): bool {
    super.onConfigure(size);
    set_tick_period_milliseconds(50);
    return true;
  }

  onTick(): void {
    if (this.ticks < 3) log(LogLevelValues.info, 'abi tick');
    this.ticks++;
  }

  createContext(id: u32): Context {
    return new Scenario(id, this);
  }
}

class Scenario extends Context {
  name: string = '';

  constructor(id: u32, root: Root) {
    super(id, root);
  }

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
      request.replace('x-count', request.get_headers().length.toString());
    } else if (name == 'local-headers') {
      answer(403, 'local headers', [pair('x-local', 'headers')]);
      return FilterHeadersStatusValues.StopIteration;
    } else if (name == 'config') {
      answer(200, this.root_context.getConfiguration(), []);
      return FilterHeadersStatusValues.StopIteration;
    } else if (name == 'callout' || name == 'callout-reply') return this.callOut('echo');
    else if (name == 'callout-refused') return this.callOut('nowhere');
    else if (name == 'log') {
      log(LogLevelValues.trace, 'abi trace line');
      log(LogLevelValues.debug, 'abi debug line');
      log(LogLevelValues.info, 'abi info line');
      log(LogLevelValues.warn, 'abi warn line');
      log(LogLevelValues.error, 'abi error line');
    } else if (name == 'panic') throw new Error('panic as told');
    return FilterHeadersStatusValues.Continue;
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
      answer(403, 'local response', [pair('x-local', 'response')]);
      return FilterHeadersStatusValues.StopIteration;
    }
    return FilterHeadersStatusValues.Continue;
  }

  onResponseTrailers(count: u32): FilterTrailersStatusValues {
    const trailers = stream_context.trailers.response;
    if (this.name == 'trailers') trailers.add('x-guest-tail', trailers.get('x-tail'));
    return FilterTrailersStatusValues.Continue;
  }

  onLog(): void {
    if (this.name == 'log') log(LogLevelValues.info, 'abi logged ' + stream_context.headers.response.get(':status'));
  }

  callOut(service: string): FilterHeadersStatusValues {
    const headers = [pair(':method', 'GET'), pair(':path', '/callout'), pair(':authority', 'echo')];
    const nothing = new ArrayBuffer(0);
    const sent = this.root_context.httpCall(service, headers, nothing, [], 5000, this, called);
    if (sent != WasmResultValues.Ok) answer(500, 'refused', []);
    return FilterHeadersStatusValues.StopAllIterationAndWatermark;
  }
}

function called(origin: Context, headers: u32, size: usize, trailers: u32): void {
  const context = origin as Scenario;
  const answered = stream_context.headers.http_callback;
  const body = String.UTF8.decode(get_buffer_bytes(BufferTypeValues.HttpCallResponseBody, 0, size as u32));
  if (context.name == 'callout-reply') {
    answer(401, body, []);
    return;
  }
  const value = answered.get(':status') + ' ' + answered.get('x-callout') + ' ' + body;
  stream_context.headers.request.replace('x-called', value);
  context.continueRequest();
}

registerRootContext((id: u32): RootContext => new Root(id), '');
