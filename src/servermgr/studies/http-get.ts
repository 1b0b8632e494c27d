import http, { type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import https from 'node:https';
import { type ProxyConfig, proxiedAgents } from '../../runtime/proxy.ts';

export interface HttpAnswer {
  readonly status: number;
  /** What its Retry-After asks for; undefined: it has none. */
  readonly retryAfterMs: number | undefined;
  readonly body: string;
}

export interface GetOptions {
  readonly headers: OutgoingHttpHeaders;
  /** Of the wait for its turn as well. */
  readonly signal: AbortSignal;
}

/** Asks for a small answer. @throws when there is none, or a large one */
export type Getter = (url: URL, options: GetOptions) => Promise<HttpAnswer>;

const MOST_BYTES = 256 * 1024;

/**
 * GET requests of which only so many are under way at once, the others wait. Redirects are not followed: headers hold
 * tokens. Each has a connection of its own: one that was kept may be closed just as a request is sent.
 */
export function createGetter({
  atOnce,
  proxy,
}: {
  readonly atOnce: number;
  readonly proxy: ProxyConfig | undefined;
}): Getter {
  const proxied = proxiedAgents(proxy);
  const agents = {
    'http:': new http.Agent({ ...proxied?.httpAgent, maxSockets: atOnce }),
    'https:': new https.Agent({ ...proxied?.httpsAgent, maxSockets: atOnce }),
  };
  return async (url, options) => {
    const request =
      url.protocol === 'https:'
        ? https.get(url, { ...options, agent: agents['https:'] })
        : http.get(url, { ...options, agent: agents['http:'] });
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve);
      // Once there is an answer, its own error is the one that counts.
      request.on('error', reject);
    });
    try {
      return {
        status: answer.statusCode ?? 0,
        retryAfterMs: retryAfterMs(answer.headers['retry-after'], Date.now()),
        body: await readText(answer),
      };
    } finally {
      request.destroy();
    }
  };
}

async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Error(`the answer is larger than ${MOST_BYTES} bytes`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
