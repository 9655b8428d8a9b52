import { NameSet } from './name-set';
import { PathSet } from './path-set';

/** What is masked, and with what. */
@final
export class Rules {
  /** Names of members that are masked wherever they stand. */
  readonly fields: NameSet = new NameSet();
  readonly paths: PathSet = new PathSet();
  /** What stands in the place of a masked value: JSON in UTF-8. */
  mask: ArrayBuffer = new ArrayBuffer(0);

  /** Bytes of the longest name that has to be known in full. */
  get longest(): i32 {
    return max(this.fields.longest, this.paths.longest);
  }
}
