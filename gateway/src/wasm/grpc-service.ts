/** What a guest names as the upstream of a gRPC call. */
export interface GrpcTarget {
  readonly service: string;
  /** Of the request, unless its metadata name another. */
  readonly authority: string;
}

/** Field 1 or 2 of length-delimited kind, as protobuf marks it. */
const FIRST = 0x0a;
const SECOND = 0x12;

/** A length-delimited field at `at`; null when it is cut off, or too long to be a name. */
function fieldAt(text: string, at: number): { readonly value: string; readonly end: number } | null {
  let length = text.charCodeAt(at);
  let from = at + 1;
  if (length >= 0x80) length = (length & 0x7f) + text.charCodeAt(from++) * 0x80;
  const end = from + length;
  return end <= text.length ? { value: text.slice(from, end), end } : null;
}

/**
 * Reads the upstream of a gRPC call: a plain name, or what Envoy's C++ SDK hands over, a serialised `GrpcService` with
 * `envoy_grpc { cluster_name, authority }`. What is neither is taken for a name.
 * @param upstream latin1
 */
export function readGrpcService(upstream: string): GrpcTarget {
  const named = { service: upstream, authority: upstream.slice(upstream.indexOf('/') + 1) };
  if (upstream.charCodeAt(0) !== FIRST) return named;
  const inner = fieldAt(upstream, 1)?.value ?? '';
  const name = inner.charCodeAt(0) === FIRST ? fieldAt(inner, 1) : null;
  if (name === null) return named;
  const authority = inner.charCodeAt(name.end) === SECOND ? fieldAt(inner, name.end + 1) : null;
  return { service: name.value, authority: authority?.value ?? name.value.slice(name.value.indexOf('/') + 1) };
}
