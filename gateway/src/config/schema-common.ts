import { type TSchema, Type } from 'typebox';

/*
 * `expects` in these schemas is no keyword of JSON Schema: it says what a value looks like, for the remedy of a problem,
 * where the description says what it is for.
 */

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const SIZE_UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

function decodeUnit(text: string, units: Readonly<Record<string, number>>): number {
  const unit = text.replace(/^[\d.]+/, '');
  return Math.round(Number.parseFloat(text) * units[unit]!);
}

/** A duration as written (`250ms`, `3s`, `1.5m`, `1h`); decoded to milliseconds. */
export function Duration(options: { description: string; default?: string }) {
  const expects = 'a duration such as 250ms, 3s, 1.5m or 1h';
  return Type.Decode(
    Type.String({ pattern: '^\\d{1,9}(\\.\\d{1,3})?(ms|s|m|h)$', expects, ...options }),
    (text): number => decodeUnit(text, DURATION_UNITS),
  );
}

/** A size as written (`512B`, `16KiB`, `16MiB`, `1GiB`); decoded to bytes. */
export function Size(options: { description: string; default?: string }) {
  const expects = 'a size such as 512B, 16KiB, 16MiB or 1GiB';
  return Type.Decode(
    Type.String({ pattern: '^\\d{1,9}(\\.\\d{1,3})?(B|KiB|MiB|GiB)$', expects, ...options }),
    (text): number => decodeUnit(text, SIZE_UNITS),
  );
}

/** A duration in whole seconds or milliseconds as the configuration writes it, for defaults that stand elsewhere. */
export function durationText(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

/** The same for a size in bytes. */
export function sizeText(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB'] as const) {
    const factor = SIZE_UNITS[unit]!;
    if (bytes !== 0 && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return `${bytes}B`;
}

export const strict = { additionalProperties: false } as const;

/** The same schema with words of its own for one place. */
export function described<T extends TSchema>(schema: T, description: string): T {
  const properties = Object.getOwnPropertyDescriptors({ ...schema, description });
  // The kind of a schema is a hidden property, which a spread would lose.
  return Object.defineProperties({}, { ...Object.getOwnPropertyDescriptors(schema), ...properties }) as T;
}

export const Name = Type.String({
  pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
  expects: 'lower-case letters, digits and inner dashes, 1 to 63 characters',
});
export const ServiceName = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._:-]{0,254}$',
  expects: 'letters, digits and . _ : - inside, up to 255 characters',
});
export const HeaderName = Type.String({
  pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$",
  expects: 'an HTTP field name such as x-device-id (RFC 9110 §5.1)',
});
export const HeaderValue = Type.String({
  pattern: '^([!-~\\x80-\\xff]([\\t -~\\x80-\\xff]{0,4094}[!-~\\x80-\\xff])?)?$',
  expects: 'an HTTP field value: no line breaks, no control characters, no space at either end, up to 4096 bytes',
});
/** Whole words as they stand in URLs, cookies and forms; any text but none at all. */
export const ParameterName = Type.String({ minLength: 1, maxLength: 128, expects: 'text, 1 to 128 characters' });
export const CookieName = Type.String({
  pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$",
  expects: 'a cookie name (RFC 6265 §4.1.1)',
});
export const Port = Type.Integer({ minimum: 0, maximum: 65_535 });
export const AbsolutePath = Type.String({
  pattern: '^/[^?#\\s]*$',
  maxLength: 2048,
  expects: 'a path that begins with "/", without query, fragment and spaces',
});
export const Cidr = Type.String({
  minLength: 2,
  maxLength: 64,
  expects: 'an address or CIDR such as 10.0.0.0/8 or ::1',
});
export const HostPort = Type.String({
  pattern: '^(\\[[0-9a-fA-F:.]+\\]|[^\\s:/\\[\\]]+):\\d{1,5}$',
  expects: 'host:port such as 10.0.0.7:8080 or "[::1]:8080"',
});

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
    allowOnHeadersStopIteration: Type.Optional(
      Type.Boolean({
        description:
          'the result 1 of a header callback holds the head alone, and the body is shown to the plugin; absent: true for ABI 0.2.100',
      }),
    ),
    config: Type.Unknown({
      default: {},
      description:
        "the plugin's own configuration, a mapping; handed over as JSON, after it was held against the manifest of the module",
    }),
  },
  strict,
);
export type PluginUse = Type.StaticDecode<typeof PluginUse>;
