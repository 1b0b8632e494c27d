import { type IncomingMessage, request as plain } from 'node:http';
import { request as secure } from 'node:https';
import { Webhook } from 'standardwebhooks';
import { hasCode, systemErrorText } from '../files/errno.ts';
import { timeoutSignal } from '../runtime/abort.ts';
import { checkAddress, guardedLookup, InternalTargetError } from './lookup.ts';
import type { Targets } from './targets.ts';

/** One message to one endpoint. */
export interface Message {
  /** The same each time that the message is sent: a receiver knows by it what it has seen. */
  readonly id: string;
  readonly url: string;
  /** `whsec_` and base64. */
  readonly secret: string;
  /** JSON. */
  readonly body: string;
}

/** What became of a message. `gone`: the endpoint wants no more of them. */
export interface Answer {
  readonly kind: 'delivered' | 'gone' | 'failed';
  /** In a few words, for operators; nothing of what the endpoint has written is in it. */
  readonly text: string;
}

/** Of name, connection and answer together. */
const TIMEOUT_S = 20;
/** What is read of an answer, so that whoever sends it comes to an end. Nobody looks at it. */
const MAX_ANSWER_BYTES = 64 * 1_024;
const MAX_TEXT = 200;

/**
 * Signs a message and sends it once: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
 * No redirect is followed, and no proxy asked: it would connect to addresses that are not seen here.
 * @throws the signal's reason, when it is aborted
 */
export async function send(message: Message, targets: Targets, signal: AbortSignal): Promise<Answer> {
  try {
    return judge(await post(message, targets, timeoutSignal(TIMEOUT_S * 1_000, signal)));
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'failed', text: reasonOf(error).slice(0, MAX_TEXT) };
  }
}

/** @returns the status */
function post({ id, url, secret, body }: Message, targets: Targets, signal: AbortSignal): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'https:' && !targets.isListed(hostname))
    throw new InternalTargetError(`${hostname} is not listed: it is asked by https:// alone`);
  checkAddress(hostname, targets);
  const at = new Date();
  const bytes = Buffer.from(body);
  const request = protocol === 'https:' ? secure : plain;
  const sent = request(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'content-length': bytes.length,
      'user-agent': 'servermgr',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': new Webhook(secret).sign(id, at, body),
    },
    // A connection of its own: one that is kept was looked up for another message.
    agent: false,
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
  sent.end(bytes);
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

function judge(status: number): Answer {
  const text = `HTTP ${status}`;
  if (status >= 200 && status < 300) return { kind: 'delivered', text };
  if (status === 410) return { kind: 'gone', text };
  const isRedirect = status >= 300 && status < 400;
  return { kind: 'failed', text: isRedirect ? `${text}: redirects are not followed` : text };
}

function reasonOf(error: unknown): string {
  if (hasCode(error, 'ABORT_ERR')) return `no answer within ${TIMEOUT_S} s`;
  // Of several addresses none could be connected to.
  const [first] = error instanceof AggregateError ? error.errors : [];
  return systemErrorText(first ?? error);
}
