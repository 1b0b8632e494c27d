import { type IncomingMessage, request as plain } from 'node:http';
import { Agent, request as secure } from 'node:https';
import { hasCode, systemErrorText } from '../files/errno.ts';
import { type ProxyConfig, proxiedAgents } from '../runtime/proxy.ts';
import { checkAddress, guardedLookup, RefusedTargetError } from './lookup.ts';
import type { Targets } from './targets.ts';

export interface OutgoingRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

export interface RequestOptions {
  readonly targets: Targets;
  /**
   * What is asked for a tunnel by requests of https://; undefined: nothing. It connects to addresses that are not seen
   * here, so it is for targets that https:// may go anywhere for.
   */
  readonly proxy?: ProxyConfig | undefined;
  readonly signal: AbortSignal;
}

/** What is read of an answer, so that whoever sends it comes to an end. Nobody looks at it. */
const MAX_ANSWER_BYTES = 64 * 1_024;

/**
 * Sends one request, to an address that may be asked. No redirect is followed.
 * @returns the status
 * @throws {RefusedTargetError} and the errors of the system, of TLS and of the signal
 */
export function sendRequest(
  { url, method, headers, body }: OutgoingRequest,
  { targets, proxy, signal }: RequestOptions,
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'https:' && !targets.allowsPlain(hostname))
    throw new RefusedTargetError(`${hostname} is not listed: it is asked by https:// alone`);
  checkAddress(hostname, targets);
  const request = protocol === 'https:' ? secure : plain;
  const sent = request(url, {
    method,
    headers: { ...headers, ...(body && { 'content-length': String(body.length) }) },
    // A connection of its own: one that is kept was looked up for another request.
    agent: protocol === 'https:' && proxy !== undefined && new Agent(proxiedAgents(proxy)?.httpsAgent),
    lookup: guardedLookup(targets),
    signal,
  });
  let status: number | undefined;
  sent.on('response', response => {
    status = response.statusCode ?? 0;
    drain(response, () => resolve(status ?? 0));
  });
  // Once there is a status, what becomes of the rest changes nothing.
  sent.on('error', error => (status === undefined ? reject(error) : resolve(status)));
  sent.end(body);
  return promise;
}

function drain(response: IncomingMessage, onEnd: () => void): void {
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) response.destroy();
  });
  response.on('error', onEnd).on('close', onEnd);
}

/** Why there is no status, in a few words. @param timeoutMs what the request had */
export function describeFailure(error: unknown, timeoutMs: number): string {
  if (hasCode(error, 'ABORT_ERR')) return `no answer within ${timeoutMs / 1_000} s`;
  // Of several addresses none could be connected to.
  const [first] = error instanceof AggregateError ? error.errors : [];
  return systemErrorText(first ?? error);
}

/** The same of an answer whose status is no success. */
export function describeStatus(status: number): string {
  const isRedirect = status >= 300 && status < 400;
  return isRedirect ? `HTTP ${status}: redirects are not followed` : `HTTP ${status}`;
}
