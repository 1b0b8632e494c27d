import * as v from 'valibot';
import type { ProxyConfig } from '../runtime/proxy.ts';
import { optional } from './define.ts';
import type { Environment } from './session-config.ts';
import * as values from './values.ts';

const NO_PROXY_URL = 'is no proxy: write http://host:port';

/** As curl takes it: without a scheme it is spoken to in HTTP. */
const proxyUrl = v.pipe(
  values.word,
  v.transform(text => (text.includes('://') ? text : `http://${text}`)),
  v.check(text => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), NO_PROXY_URL),
);

const hosts = v.pipe(
  v.string(),
  v.transform(text => text.split(/[\s,]+/).filter(host => host !== '')),
);

/** What a network asks of every program; for the requests to S3 and, by servermgr, to ECS and EC2. */
export const PROXY_VARIABLES = {
  HTTPS_PROXY: optional(
    proxyUrl,
    'none',
    'the proxy for requests to AWS and to stores at https:// endpoints: http://[user:password@]host:port',
    { secret: true, acceptsQuotes: false },
  ),
  HTTP_PROXY: optional(proxyUrl, 'none', 'the same for http:// endpoints', {
    secret: true,
    acceptsQuotes: false,
  }),
  NO_PROXY: optional(
    hosts,
    'none but this machine and 169.254.0.0/16, always',
    'comma-separated: hosts, domains, addresses or networks that are reached without it; * is all',
  ),
};

/** Whether programs read their proxy from it, in either case. */
export function isProxyVariable(name: string): boolean {
  return Object.keys(PROXY_VARIABLES).some(upper => name === upper || name === upper.toLowerCase());
}

/** Most programs read these names in lower case as well, and first. */
export function withProxyNames(env: Environment): Environment {
  const lower = Object.keys(PROXY_VARIABLES).flatMap(name => {
    const text = env[name.toLowerCase()];
    return text === undefined ? [] : [[name, text] as const];
  });
  return lower.length === 0 ? env : { ...env, ...Object.fromEntries(lower) };
}

/** What a child gets of a variable: `HTTPS_PROXY`, `all_proxy` and the like lose the user and the password in their URL. */
export function withoutProxyCredentials(name: string, text: string): string {
  return /_proxy$/i.test(name) ? text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1') : text;
}

/** The proxy in force; undefined: none. */
export function proxyConfig({
  http,
  https,
  except = [],
}: {
  readonly http: string | undefined;
  readonly https: string | undefined;
  readonly except: readonly string[] | undefined;
}): ProxyConfig | undefined {
  return http === undefined && https === undefined ? undefined : { http, https, except };
}
