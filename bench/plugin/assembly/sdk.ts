import {
  Action, Body, Counter, Gauge, HttpFilter, Plugin, log, properties, register, sharedData, time, utf8,
} from '@sluice/plugin-sdk';
import { usedBytes } from '@sluice/plugin-sdk/assembly/heap';

const NAME = utf8('x-device-id');
const WRITTEN = utf8('x-plugin');
const VALUE = utf8('d-0123456789');
const KIB = new ArrayBuffer(1024);

const hits = new Counter('hits');
/** What the calls of one exchange have taken of the heap. */
const allocated = new Gauge('allocated');

/** What one exchange leaves on the heap, if nothing was collected since the one before. */
const left = new Gauge('left');
let last: usize = 0;

/** Where results go, so that no call is optimized away. */
let kept: i64 = 0;

/** Its configuration: a call of the SDK, and how often it is made in each exchange. */
class Calls extends Plugin {
  what: string = '';
  count: i32 = 0;

  onConfigure(configuration: string): bool {
    const words = configuration.split('*');
    this.what = words[0];
    this.count = I32.parseInt(words[1]);
    return sharedData.set('there', VALUE) == 0;
  }

  createFilter(): HttpFilter {
    return new CallsFilter(this);
  }
}

class CallsFilter extends HttpFilter {
  constructor(private plugin: Calls) {
    super();
  }

  onRequestHeaders(endOfStream: bool): Action {
    if (this.plugin.what == 'heap') {
      if (usedBytes() > last) left.set(usedBytes() - last);
      last = usedBytes();
    } else if (!this.plugin.what.startsWith('body')) this.repeat(null);
    return Action.Continue;
  }

  onResponseBody(body: Body, endOfStream: bool): Action {
    if (this.plugin.what.startsWith('body')) this.repeat(body);
    return Action.Continue;
  }

  private repeat(body: Body | null): void {
    const what = this.plugin.what;
    const count = this.plugin.count;
    const before = usedBytes();
    if (body) this.onBody(what, count, body);
    else if (what.startsWith('request')) this.onHeaders(what, count);
    else others(what, count);
    // The end of a body may come by itself.
    if (count && (!body || body.length)) allocated.set(usedBytes() - before);
  }

  private onHeaders(what: string, count: i32): void {
    const request = this.request;
    if (what == 'request.get, there') for (let i = 0; i < count; i++) kept += request.get('x-device-id')!.length;
    if (what == 'request.get, absent') for (let i = 0; i < count; i++) kept += <i64>(request.get('x-absent') === null);
    if (what == 'request.getBytes') for (let i = 0; i < count; i++) kept += request.getBytes(NAME)!.byteLength;
    if (what == 'request.set') for (let i = 0; i < count; i++) kept += request.set('x-plugin', 'd-0123456789');
    if (what == 'request.setBytes') for (let i = 0; i < count; i++) kept += request.setBytes(WRITTEN, VALUE);
    if (what == 'request.entries') for (let i = 0; i < count; i++) kept += request.entries().length;
  }

  private onBody(what: string, count: i32, body: Body): void {
    if (what == 'body.length') for (let i = 0; i < count; i++) kept += body.length;
    if (what == 'body.bytes of 1 KiB') for (let i = 0; i < count; i++) kept += body.bytes().byteLength;
    if (what == 'body.replace of 1 KiB') for (let i = 0; i < count; i++) kept += body.replace(KIB);
    if (what == 'body.text of 1 KiB') for (let i = 0; i < count; i++) kept += body.text().length;
  }
}

function others(what: string, count: i32): void {
  if (what == 'properties.text') for (let i = 0; i < count; i++) kept += properties.text('request.method')!.length;
  if (what == 'sharedData.get') for (let i = 0; i < count; i++) kept += sharedData.get('there')!.cas;
  if (what == 'sharedData.add') for (let i = 0; i < count; i++) kept += sharedData.add('sum', 1).value;
  if (what == 'Counter.increment') for (let i = 0; i < count; i++) kept += hits.increment();
  if (what == 'log.debug below the level') for (let i = 0; i < count; i++) log.debug('nobody reads it');
  if (what == 'time.milliseconds') for (let i = 0; i < count; i++) kept += time.milliseconds();
}

register((): Plugin => new Calls());
