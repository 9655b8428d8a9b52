import { Action, HttpFilter, Plugin, register, utf8 } from '@sluice/plugin-sdk';

const READ = utf8('x-device-id');
const WRITTEN = utf8('x-plugin');
const VALUE = utf8('d-0123456789');

/** Where results of the arithmetic go, so that it is not optimized away. */
let kept: u32 = 0;

/** Its configuration is three numbers: reads of a header, writes of one, rounds of arithmetic for each request. */
class Costs extends Plugin {
  reads: i32 = 0;
  writes: i32 = 0;
  rounds: i32 = 0;

  onConfigure(configuration: string): bool {
    const numbers = configuration.split(' ');
    this.reads = I32.parseInt(numbers[0]);
    this.writes = I32.parseInt(numbers[1]);
    this.rounds = I32.parseInt(numbers[2]);
    return true;
  }

  createFilter(): HttpFilter {
    return new CostsFilter(this);
  }
}

class CostsFilter extends HttpFilter {
  constructor(private plugin: Costs) {
    super();
  }

  onRequestHeaders(endOfStream: bool): Action {
    for (let i = 0; i < this.plugin.reads; i++) this.request.getBytes(READ);
    for (let i = 0; i < this.plugin.writes; i++) this.request.setBytes(WRITTEN, VALUE);
    let hash: u32 = 0x811c9dc5;
    for (let i = 0; i < this.plugin.rounds; i++) hash = (hash ^ (i & 0xff)) * 0x01000193;
    kept += hash;
    return Action.Continue;
  }
}

register((): Plugin => new Costs());
