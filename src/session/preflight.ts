import type { DestinationUrl } from '../config/session-config.ts';
import { errorText } from '../runtime/text.ts';
import type { CheckResult } from '../store/store.ts';
import type { EndReason } from './end-reason.ts';
import type { SessionRuntime } from './runtime.ts';

/**
 * Checks the destinations. One that denies access ends a session before a player wastes an hour; one that is down may
 * be back when the session ends.
 * @returns why the session must not start; undefined: it may
 */
export async function preflight(runtime: SessionRuntime): Promise<EndReason | undefined> {
  const { destination, fallback } = runtime.config.save;
  for (const target of [destination, fallback].filter(target => target !== undefined)) {
    const { url, check } = await checkTarget(target, runtime);
    if (check.state === 'denied') {
      const why = `${url} cannot be used: ${check.why}`;
      return { kind: 'destination-refused', why, remedy: check.remedy };
    }
    if (check.state === 'ok' && check.notice !== undefined)
      runtime.log.warn({ event: 'notice' }, check.notice);
    if (check.state === 'unavailable') {
      runtime.log.warn(
        { event: 'destination_unavailable', url, why: check.why },
        'destination unavailable at start; will be tried at the end',
      );
    }
  }
  return undefined;
}

async function checkTarget(target: DestinationUrl, { openStore, startDeadline }: SessionRuntime) {
  using deadline = startDeadline('preflight');
  const store = await openStore(target);
  try {
    return { url: store.url, check: await store.check(deadline.signal) };
  } catch (error) {
    const check: CheckResult = { state: 'unavailable', why: errorText(error) };
    return { url: store.url, check };
  }
}
