// How the plugins are configured, in both gateways alike.

export interface PluginUse {
  readonly use: string;
  readonly config: object;
}

/** A use that the plugin refuses. */
export interface Refused extends PluginUse {
  /** Part of the reason. */
  readonly says: string;
}

const KEYS = [
  { key: 'app-key', consumer: 'app' },
  { key: 'schlüssel', consumer: 'partner' },
];
const MASK = { fields: ['wifiPassword', 'token'], paths: ['owner.phone', 'items.*.id'] };
const one = (use: string, config: object): readonly PluginUse[] => [{ use, config }];

/** Those that are accepted. */
export const CONFIGURATIONS: Readonly<Record<string, readonly PluginUse[]>> = {
  'key-header': one('key-auth', { keys: KEYS }),
  'key-query': one('key-auth', { header: 'X-Key', query: 'api key', consumerHeader: 'X-Who', keys: KEYS }),
  'key-only-query': one('key-auth', { header: '', query: 'key', keys: KEYS }),
  'key-shown': one('key-auth', { query: 'key', hideCredentials: false, keys: KEYS }),
  'key-nobody': one('key-auth', { keys: [] }),
  'rewrite-nothing': one('header-rewrite', {}),
  'rewrite-request': one('header-rewrite', {
    request: {
      remove: ['X-Debug', 'accept-language'],
      rename: { 'x-client': 'x-app', 'X-Old': 'X-New' },
      set: { 'x-gateway': 'shared', 'X-City': 'Zürich', 'user-agent': 'plugin' },
      append: { 'x-list': 'last', 'X-Fresh': '' },
    },
  }),
  'rewrite-response': one('header-rewrite', {
    response: {
      remove: ['x-powered-by', 'ETag'],
      rename: { 'x-from': 'x-to' },
      set: { 'x-frame-options': 'DENY', 'content-type': 'text/html', 'X-City': 'Zürich' },
      append: { vary: 'origin', 'set-cookie': 'last=1' },
    },
  }),
  'rewrite-both': one('header-rewrite', {
    request: { rename: { 'x-a': 'x-b' }, set: { 'x-c': '1' } },
    response: { rename: { 'x-b': 'x-a' }, append: { 'x-c': '2' } },
  }),
  'mask-usual': one('body-mask', MASK),
  'mask-number': one('body-mask', { fields: ['secret'], mask: 0 }),
  'mask-long': one('body-mask', { fields: ['s'], mask: 'x'.repeat(200) }),
  'mask-pass': one('body-mask', { ...MASK, unreadable: 'pass' }),
  'mask-types': one('body-mask', { ...MASK, contentTypes: ['application/x-ndjson', '+json', ''] }),
  probe: one('probe', {}),
  all: [
    { use: 'key-auth', config: { keys: KEYS } },
    {
      use: 'header-rewrite',
      config: { request: { set: { 'x-chain': 'yes' } }, response: { set: { 'x-chain': 'yes' } } },
    },
    { use: 'body-mask', config: MASK },
  ],
};

/** Those that a plugin refuses, with what it says. */
export const REFUSED: readonly Refused[] = [
  { use: 'key-auth', config: { keys: [{ key: '', consumer: 'a' }] }, says: 'keys[0].key' },
  { use: 'key-auth', config: { keys: KEYS, heder: 'x' }, says: 'heder' },
  { use: 'header-rewrite', config: { request: { set: { connection: 'close' } } }, says: 'connection' },
  { use: 'header-rewrite', config: { response: { set: { a: 'b\nc' } } }, says: 'response.set.a' },
  { use: 'body-mask', config: {}, says: 'fields' },
  { use: 'body-mask', config: { fields: ['a'], mask: [] }, says: 'mask' },
];
