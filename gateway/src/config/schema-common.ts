import Type from 'typebox';

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const SIZE_UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

function decodeUnit(text: string, units: Readonly<Record<string, number>>): number {
  const unit = text.replace(/^[\d.]+/, '');
  return Math.round(Number.parseFloat(text) * units[unit]!);
}

/** A duration as written (`250ms`, `3s`, `1.5m`, `1h`); decoded to milliseconds. */
export function Duration(options: { description: string; default?: string }) {
  return Type.Decode(Type.String({ pattern: '^\\d{1,9}(\\.\\d{1,3})?(ms|s|m|h)$', ...options }), (text): number =>
    decodeUnit(text, DURATION_UNITS),
  );
}

/** A size as written (`512B`, `16KiB`, `16MiB`, `1GiB`); decoded to bytes. */
export function Size(options: { description: string; default?: string }) {
  return Type.Decode(Type.String({ pattern: '^\\d{1,9}(\\.\\d{1,3})?(B|KiB|MiB|GiB)$', ...options }), (text): number =>
    decodeUnit(text, SIZE_UNITS),
  );
}

export const strict = { additionalProperties: false } as const;

export const Name = Type.String({
  pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
  description: 'lower-case letters, digits and inner dashes, 1 to 63 characters',
});
export const ServiceName = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._:-]{0,254}$',
  description: 'letters, digits and . _ : - inside, up to 255 characters',
});
export const HeaderName = Type.String({
  pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$",
  description: 'an HTTP field name (RFC 9110 §5.1)',
});
export const Port = Type.Integer({ minimum: 0, maximum: 65_535 });
export const AbsolutePath = Type.String({ pattern: '^/[^?#\\s]*$', maxLength: 2048, description: "begins with '/'" });
export const Cidr = Type.String({ minLength: 2, maxLength: 64, description: 'an address or CIDR: 10.0.0.0/8, ::1' });

/** How one header, query parameter or cookie is compared; exactly one of the comparisons is given. */
export const ValueMatch = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 128, description: 'name of the header, parameter or cookie' }),
    exact: Type.Optional(Type.String({ description: 'the whole value' })),
    prefix: Type.Optional(Type.String({ minLength: 1, description: 'how the value begins' })),
    regex: Type.Optional(Type.String({ minLength: 1, description: 'regular expression for the whole value' })),
    in: Type.Optional(Type.Array(Type.String(), { minItems: 1, description: 'one of these values' })),
    present: Type.Optional(Type.Boolean({ description: 'true: it is there; false: it is absent' })),
  },
  strict,
);
export type ValueMatch = Type.StaticDecode<typeof ValueMatch>;

/** One use of a plugin of the catalogue. */
export const PluginUse = Type.Object(
  {
    use: Type.String({ minLength: 1, description: 'name of a plugin in the catalogue of gateway.yaml' }),
    priority: Type.Integer({
      default: 0,
      minimum: -1000,
      maximum: 1000,
      description: 'higher runs earlier on the request and later on the response',
    }),
    onFailure: Type.Union([Type.Literal('closed'), Type.Literal('open')], {
      default: 'closed',
      description: 'closed: the request gets 503 when the plugin fails; open: it goes on without the plugin',
    }),
    config: Type.Unknown({ default: {}, description: "the plugin's own configuration, handed over as JSON" }),
  },
  strict,
);
export type PluginUse = Type.StaticDecode<typeof PluginUse>;
