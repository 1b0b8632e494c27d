import type { WebhookConfig } from '../../config/session-config.ts';
import { pause } from '../../runtime/abort.ts';
import { errorText } from '../../runtime/text.ts';
import { send } from '../../webhook/send.ts';
import { targetsOf } from '../../webhook/targets.ts';
import type { SessionRuntime } from '../runtime.ts';
import type { Monitor } from './monitor.ts';
import { createSessionEvents, type SessionEvent } from './webhook-events.ts';
import { withoutHost } from './without-host.ts';

const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 60_000;
/** Between attempts once the session is over. */
const LAST_PAUSE_MS = 500;
const NOT_IN_TIME = 'it was not answered in time';
const SENDER = { userAgent: 'craftassist-session' };

/**
 * Tells a receiver what happens to a session, each event by itself: one that is not taken is sent again until the session
 * is over, and then as long as there is time.
 * @param over when it is aborted, what is not told is given up, and logged
 */
export function startWebhook(
  { url, secret }: WebhookConfig,
  runtime: SessionRuntime,
  over: AbortSignal,
): Monitor {
  const { log, status, config } = runtime;
  const options = { ...SENDER, targets: targetsOf(url), proxy: config.save.s3.proxy, signal: over };
  const events = createSessionEvents(runtime);
  const closing = new AbortController();
  const underWay = new Set<Promise<void>>();
  /** Why nothing more is sent. */
  let refusal: string | undefined;
  let isFailing = false;

  function noteDelivered(): void {
    if (isFailing) log.info({ event: 'webhook_recovered' }, 'the receiver of webhooks takes them again');
    isFailing = false;
  }

  function noteFailed({ id: webhook, type }: SessionEvent, why: string): void {
    if (!isFailing) {
      const fields = { event: 'webhook_retry', webhook, type, why } as const;
      log.warn(fields, `a webhook could not be delivered, retrying: ${why}`);
    }
    isFailing = true;
  }

  async function deliver(event: SessionEvent): Promise<void> {
    const { id, type, body } = event;
    let attempts = 0;
    let why = NOT_IN_TIME;
    try {
      while (refusal === undefined) {
        attempts += 1;
        const { kind, text } = await send({ id, url, secret, body }, options);
        if (kind === 'delivered') return noteDelivered();
        why = withoutHost(text, url);
        if (kind === 'gone') refusal = `the receiver wants no webhooks: ${why}`;
        else {
          noteFailed(event, why);
          await pauseAfter(attempts);
        }
      }
      why = refusal;
    } catch (error) {
      if (!over.aborted) why = withoutHost(errorText(error), url);
    }
    const fields = { event: 'webhook_undelivered', webhook: id, type, why, attempts } as const;
    log.warn(fields, `${type} could not be told: ${why}`);
  }

  /** Not even a long one holds up the last attempts. @throws when nothing more is to be sent */
  async function pauseAfter(attempts: number): Promise<void> {
    if (closing.signal.aborted) await pause(LAST_PAUSE_MS, over);
    else await pause(Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), MAX_PAUSE_MS), closing.signal);
    over.throwIfAborted();
  }

  function tell(event: SessionEvent): void {
    const delivery = deliver(event).finally(() => underWay.delete(delivery));
    underWay.add(delivery);
  }

  tell(events.started());
  status.onPhaseStart(phase => {
    if (phase === 'playing') tell(events.ready());
  });

  return {
    tellEnd(report) {
      tell(events.ended(report));
      if (report.saved === 'journal' || report.saved === 'lost') tell(events.unsaved(report));
      closing.abort();
    },
    async close() {
      closing.abort();
      await Promise.all(underWay);
    },
  };
}
