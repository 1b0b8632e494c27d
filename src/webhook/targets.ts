import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Which hosts and addresses requests may go to. */
export interface Targets {
  /** Whether a host may be asked without TLS. @param host as URL.hostname has it */
  allowsPlain(host: string): boolean;
  /** Whether a socket may be connected to an address for the sake of a host. */
  allows(address: string, host: string): boolean;
  /** Why it may not be connected to another one: what completes the sentence that begins with the host. */
  readonly refusal: string;
}

/** What is assigned in the internet: https://www.iana.org/assignments/ipv6-address-space */
const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3');
/** A translator at its end sends to the IPv4 address in its last four bytes (RFC 6052). */
const NAT64 = ipaddr.parseCIDR('64:ff9b::/96');
const NAT64_PREFIX_BYTES = 12;

/**
 * Addresses of the internet, and of internal networks those that are listed: by name, or as an address of a network.
 * Listed ones are asked without TLS as well.
 * @param listed names of hosts, addresses, and networks as `10.0.0.0/8`
 */
export function createTargets(listed: readonly string[]): Targets {
  const networks = listed.map(networkOf).filter(network => network !== undefined);
  const names = new Set(listed.filter(text => networkOf(text) === undefined).map(nameOf));

  function isInListedNetwork(address: Address): boolean {
    return networks.some(
      ([network, bits]) => network.kind() === address.kind() && address.match(network, bits),
    );
  }

  function isListed(host: string): boolean {
    const address = addressOf(host);
    if (address === undefined) return names.has(nameOf(host));
    return isInListedNetwork(address) || isInListedNetwork(reached(address));
  }

  return {
    allowsPlain: isListed,
    allows(text, host) {
      const address = addressOf(text);
      if (address === undefined) return false;
      return isPublic(reached(address)) || isListed(text) || isListed(host);
    },
    refusal: 'is in an internal network, and is not listed',
  };
}

/**
 * Where a URL may lead that is set up for the requests of one's own process alone: anywhere by https://, and by http:// to
 * addresses that are not of the internet, where everybody on the way could read it.
 */
export function targetsOf(url: string): Targets {
  const isPlain = new URL(url).protocol === 'http:';
  return {
    allowsPlain: () => true,
    allows(text) {
      const address = addressOf(text);
      return address !== undefined && !(isPlain && isPublic(reached(address)));
    },
    refusal: 'is in the internet, where http:// can be read by everybody: write https://',
  };
}

/** An address, also in the brackets of a URL; undefined: it is a name. */
function addressOf(text: string): Address | undefined {
  const bare = text.replace(/^\[(.*)\]$/, '$1');
  return ipaddr.isValid(bare) ? ipaddr.parse(bare) : undefined;
}

function networkOf(text: string): [Address, number] | undefined {
  if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text);
  const address = addressOf(text);
  return address && [address, address.kind() === 'ipv4' ? 32 : 128];
}

/** Names with a dot behind them are the same. */
function nameOf(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

/** Where a packet arrives: some addresses of IPv6 stand for one of IPv4. */
function reached(address: Address): Address {
  if (address instanceof ipaddr.IPv4) return address;
  if (address.isIPv4MappedAddress()) return address.toIPv4Address();
  return address.match(NAT64) ? new ipaddr.IPv4(address.toByteArray().slice(NAT64_PREFIX_BYTES)) : address;
}

function isPublic(address: Address): boolean {
  const isAssigned = address instanceof ipaddr.IPv4 || address.match(GLOBAL_UNICAST);
  return isAssigned && address.range() === 'unicast';
}
