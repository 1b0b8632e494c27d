import { isIP } from 'node:net';

const GROUPS_OF_A_NETWORK = 4;

/**
 * The network that an address belongs to, as far as limits go: an IPv4 address is one, and of IPv6 a household or a
 * machine has 2^64 (RFC 6177). Some proxies write a port behind the address (X-Forwarded-For of Azure's).
 * @param address as the socket or a proxy names it; text that is no address is its own network
 */
export function networkOf(address: string): string {
  const ip = withoutPort(address);
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip) ?? [];
  if (mapped !== undefined) return mapped;
  return isIP(ip) === 6 ? `${groupsOf(ip).slice(0, GROUPS_OF_A_NETWORK).join(':')}::/64` : ip;
}

function withoutPort(address: string): string {
  const [, bracketed] = /^\[([^\]]+)\](?::\d+)?$/.exec(address) ?? [];
  const [, dotted] = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(address) ?? [];
  // An address with a zone (RFC 4007) is of this link.
  return (bracketed ?? dotted ?? address).replace(/%.*$/, '');
}

/** The eight groups of an IPv6 address, without leading zeros. */
function groupsOf(ip: string): string[] {
  const [front = '', back] = ip.toLowerCase().split('::');
  const groups = (text: string | undefined) => (text ? text.split(':') : []);
  const [before, after] = [groups(front), groups(back)];
  const missing = back === undefined ? 0 : 8 - before.length - after.length;
  const zeros = Array.from({ length: Math.max(0, missing) }, () => '0');
  return [...before, ...zeros, ...after].map(group => group.replace(/^0+(?=.)/, ''));
}
