import { fromUtf8 } from '../types/text';

/**
 * A value of the shared data, and the number to hand back when it is replaced.
 * @example
 * const visits = sharedData.get('visits');
 * if (visits && sharedData.set('visits', utf8('0'), visits.cas) == Status.CasMismatch) log.info('somebody was faster');
 */
@final
export class SharedValue {
  /** @internal */
  constructor(
    /** The value, a copy. */
    readonly bytes: ArrayBuffer,
    /** 1 to 2³²−2; `sharedData.set` with it writes only if the value is still this one. */
    readonly cas: u32,
  ) {}

  /**
   * The value read as UTF-8.
   * @example
   * const banner = sharedData.get('banner');
   * if (banner) this.response.set('x-banner', banner.text());
   */
  text(): string {
    return fromUtf8(this.bytes);
  }
}
