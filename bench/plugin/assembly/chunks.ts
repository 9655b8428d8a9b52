import { Action, Body, HttpFilter, Plugin, register } from '@sluice/plugin-sdk';

let kept: i32 = 0;

/** Reads each piece of a response's body. */
class Chunks extends Plugin {
  createFilter(): HttpFilter {
    return new ChunksFilter();
  }
}

class ChunksFilter extends HttpFilter {
  onResponseBody(body: Body, endOfStream: bool): Action {
    kept += body.bytes().byteLength;
    return Action.Continue;
  }
}

register((): Plugin => new Chunks());
