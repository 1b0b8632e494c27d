import { sleep, timeoutSignal } from '../../runtime/abort.ts';
import type { Log } from '../../runtime/log.ts';
import type { ProxyConfig } from '../../runtime/proxy.ts';
import { errorText } from '../../runtime/text.ts';
import { describeFailure, describeStatus, sendRequest } from '../../webhook/request.ts';
import { targetsOf } from '../../webhook/targets.ts';
import type { Monitor } from './monitor.ts';
import { withoutHost } from './without-host.ts';

const INTERVAL_MS = 60_000;
const TIMEOUT_MS = 5_000;
const RETRY_PAUSE_MS = 1_000;
/** The next one comes within a minute anyway. */
const MAX_TRIES = 3;

export interface HeartbeatOptions {
  readonly url: string;
  readonly proxy: ProxyConfig | undefined;
  readonly log: Log;
  /** When it is aborted, what is not told is given up. */
  readonly over: AbortSignal;
  /** From one to the next, in milliseconds; a minute unless given. */
  readonly intervalMs?: number;
}

/**
 * Asks the URL of a dead-man switch once a minute; with `/start` behind it first, and at last with the exit code, or
 * `/fail` where there is none: https://healthchecks.io/docs/http_api.
 */
export function startHeartbeat(options: HeartbeatOptions): Monitor {
  const { url, proxy, log, over, intervalMs = INTERVAL_MS } = options;
  const targets = targetsOf(url);
  const ending = new AbortController();
  let isFailing = false;

  /** @returns why it was not taken; undefined: it was. @throws the signal's reason */
  async function ask(path: string, signal: AbortSignal): Promise<string | undefined> {
    const request = { url: withPath(url, path), method: 'GET', headers: HEADERS } as const;
    try {
      const status = await sendRequest(request, {
        targets,
        proxy,
        signal: timeoutSignal(TIMEOUT_MS, signal),
      });
      return status >= 200 && status < 300 ? undefined : describeStatus(status);
    } catch (error) {
      signal.throwIfAborted();
      return withoutHost(describeFailure(error, TIMEOUT_MS), url);
    }
  }

  async function beat(path: string, signal: AbortSignal): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const why = await ask(path, signal);
      note(why);
      if (why === undefined || tries === MAX_TRIES) return;
      await sleep(RETRY_PAUSE_MS, signal);
    }
  }

  function note(why: string | undefined): void {
    if (why === undefined && isFailing)
      log.info({ event: 'heartbeat_recovered' }, 'heartbeats are taken again');
    if (why !== undefined && !isFailing)
      log.warn({ event: 'heartbeat_failed', why }, `a heartbeat was not taken: ${why}`);
    isFailing = why !== undefined;
  }

  async function beatRegularly(): Promise<void> {
    try {
      await beat('/start', ending.signal);
      for (;;) {
        await sleep(intervalMs, ending.signal);
        await beat('', ending.signal);
      }
    } catch (error) {
      if (!ending.signal.aborted) note(withoutHost(errorText(error), url));
    }
  }

  /** One that is under way is cut off: it has not failed, and the end is to be told in time. */
  async function tellLast(path: string): Promise<void> {
    ending.abort(new Error('the session is over'));
    await beating;
    try {
      await beat(path, over);
    } catch (error) {
      note(over.aborted ? 'no answer in time' : withoutHost(errorText(error), url));
    }
  }

  const beating = beatRegularly();
  let last: Promise<void> | undefined;
  return {
    tellEnd(report) {
      last ??= tellLast(`/${report.exitCode}`);
    },
    close: () => (last ??= tellLast('/fail')),
  };
}

const HEADERS = { 'user-agent': 'craftassist-session' };

/** A path behind that of a URL, before its query. */
function withPath(url: string, path: string): string {
  const asked = new URL(url);
  asked.pathname = `${asked.pathname.replace(/\/$/, '')}${path}`;
  return asked.href;
}
