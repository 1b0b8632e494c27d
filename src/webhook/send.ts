import { Webhook } from 'standardwebhooks';
import { timeoutSignal } from '../runtime/abort.ts';
import { describeFailure, describeStatus, type RequestOptions, sendRequest } from './request.ts';

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

export interface SendOptions extends RequestOptions {
  /** Who sends it. */
  readonly userAgent: string;
}

/** What became of a message. `gone`: the endpoint wants no more of them. */
export interface Answer {
  readonly kind: 'delivered' | 'gone' | 'failed';
  /** In a few words, for operators: the host may be in it, and nothing of what the endpoint has written. */
  readonly text: string;
}

/** Of name, connection and answer together. */
const TIMEOUT_MS = 20_000;

/**
 * Signs a message and sends it once: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
 * @throws the signal's reason, when it is aborted
 */
export async function send(
  { id, url, secret, body }: Message,
  { userAgent, ...options }: SendOptions,
): Promise<Answer> {
  const { signal } = options;
  const at = new Date();
  const headers = {
    'content-type': 'application/json',
    'user-agent': userAgent,
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': new Webhook(secret).sign(id, at, body),
  };
  const request = { url, method: 'POST', headers, body: Buffer.from(body) } as const;
  try {
    return judge(await sendRequest(request, { ...options, signal: timeoutSignal(TIMEOUT_MS, signal) }));
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'failed', text: describeFailure(error, TIMEOUT_MS) };
  }
}

function judge(status: number): Answer {
  const text = describeStatus(status);
  if (status >= 200 && status < 300) return { kind: 'delivered', text };
  return { kind: status === 410 ? 'gone' : 'failed', text };
}
