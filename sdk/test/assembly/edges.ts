/** What hosts and authors seldom do: an `Ok` without an answer, half a surrogate pair, a filter for two exchanges. */
import { Action, Body, HttpFilter, Plugin, fromUtf8, register, utf8 } from '@sluice/plugin-sdk';

class OneFilter extends HttpFilter {
  onRequestHeaders(endOfStream: bool): Action {
    return this.request.has('user-agent') ? Action.Continue : Action.Pause;
  }

  onRequestBody(body: Body, endOfStream: bool): Action {
    return body.text().length + body.bytes().byteLength == 0 ? Action.Continue : Action.Pause;
  }

  onResponseHeaders(endOfStream: bool): Action {
    return fromUtf8(utf8('a\ud800b\udc00')) == 'a\ufffdb\ufffd' ? Action.Continue : Action.Pause;
  }
}

class Edges extends Plugin {
  private filter: HttpFilter = new OneFilter();

  createFilter(): HttpFilter {
    return this.filter;
  }
}

register((): Plugin => new Edges());
