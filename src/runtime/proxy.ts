import type { AgentOptions } from 'node:http';
import { isIPv4 } from 'node:net';

/** The proxy that a network asks for: HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
export interface ProxyConfig {
  /** For http:// requests. A URL, which may hold a user and a password. */
  readonly http: string | undefined;
  /** For https:// requests: a tunnel through CONNECT. */
  readonly https: string | undefined;
  /** Hosts that are reached without it. */
  readonly except: readonly string[];
}

/** What never has a proxy in front: this machine, and the endpoints of credentials and metadata on it. */
const NEVER = ['localhost', '.localhost', '127.0.0.0/8', '::1', '[::1]', '169.254.0.0/16'];

/** A tunnel that is not there by then is closed: nothing else closes one that nobody waits for any more. */
const TUNNEL_MS = 10_000;

export interface ProxiedAgents {
  readonly httpAgent: AgentOptions;
  /** Its `timeout` is of tunnels, and of connections that are kept: requests have their own limits. */
  readonly httpsAgent: AgentOptions;
}

/**
 * Options for the agents of an HTTP client that asks a proxy where there is one, for each request anew. It is Node's own
 * (https://nodejs.org/api/http.html#built-in-proxy-support, from 24.5), whose NO_PROXY knows neither networks nor a
 * domain's subdomains, as curl and the aws command do: what is written so is rewritten.
 */
export function proxiedAgents(proxy: ProxyConfig | undefined): ProxiedAgents | undefined {
  if (proxy?.http === undefined && proxy?.https === undefined) return undefined;
  const proxyEnv = {
    HTTP_PROXY: proxy.http,
    HTTPS_PROXY: proxy.https,
    NO_PROXY: [...NEVER, ...proxy.except].flatMap(nodeRules).join(','),
  };
  return { httpAgent: { proxyEnv }, httpsAgent: { proxyEnv, timeout: TUNNEL_MS } };
}

function nodeRules(entry: string): readonly string[] {
  const [address = '', bits = ''] = entry.split('/');
  if (isIPv4(address) && /^\d+$/.test(bits) && Number(bits) <= 32) return [rangeOf(address, Number(bits))];
  if (entry === '*' || entry.startsWith('.') || entry.startsWith('*.')) return [entry];
  // A domain means its subdomains as well; of an address or a name with a port only itself is meant.
  return isIPv4(entry) || entry.includes(':') ? [entry] : [entry, `.${entry}`];
}

/** `10.0.0.0/8` as `10.0.0.0-10.255.255.255`. */
function rangeOf(address: string, bits: number): string {
  const size = 2 ** (32 - bits);
  const first = Math.floor(numberOf(address) / size) * size;
  return `${textOf(first)}-${textOf(first + size - 1)}`;
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
}

function textOf(address: number): string {
  return [24, 16, 8, 0].map(shift => Math.floor(address / 2 ** shift) % 256).join('.');
}
