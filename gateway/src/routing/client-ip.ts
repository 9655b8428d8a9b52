import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = readonly [Address, number];

let lastText = '';
let lastAddress: Address | null = null;

/** Rules of one request ask about one address again and again: the last one is kept parsed. */
function parse(text: string): Address | null {
  if (text !== lastText) {
    lastAddress = ipaddr.isValid(text) ? ipaddr.process(text) : null;
    lastText = text;
  }
  return lastAddress;
}

function parseRange(text: string): Range {
  if (!text.includes('/')) {
    const address = ipaddr.process(text);
    return [address, address.kind() === 'ipv4' ? 32 : 128];
  }
  const [address, bits] = ipaddr.parseCIDR(text);
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= 96) {
    return [address.toIPv4Address(), bits - 96];
  }
  return [address, bits];
}

/** A list of addresses and CIDRs. IPv4-mapped IPv6 addresses (`::ffff:10.0.0.1`) count as the IPv4 address. */
export class CidrList {
  readonly #ranges: readonly Range[];

  /** Throws an Error on an entry that is neither an address nor a CIDR. */
  constructor(entries: readonly string[]) {
    this.#ranges = entries.map(parseRange);
  }

  /** False for text that is no address. */
  contains(address: string): boolean {
    const parsed = parse(address);
    if (parsed === null) return false;
    for (const [network, bits] of this.#ranges) {
      if (parsed.kind() === network.kind() && parsed.match(network, bits)) return true;
    }
    return false;
  }
}
