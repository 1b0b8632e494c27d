import { createHash } from 'node:crypto';
import type { Report } from '../../report/schema.ts';
import type { SessionRuntime } from '../runtime.ts';

/** What a session tells; docs/monitoring.md has them. Those that servermgr tells as well have its names and fields. */
export type SessionEventType = 'session.started' | 'session.ready' | 'session.ended' | 'session.unsaved';

export interface SessionEvent {
  readonly type: SessionEventType;
  /** The same each time that it is sent: of the session's run and of the type. */
  readonly id: string;
  /** JSON, as it is sent. */
  readonly body: string;
}

/** Makes the events of one session, in the order in which they happen. */
export interface SessionEvents {
  started(): SessionEvent;
  ready(): SessionEvent;
  ended(report: Report): SessionEvent;
  /** It is over, and what it recorded is not in an archive: somebody has to recover it, or look for it. */
  unsaved(report: Report): SessionEvent;
}

export function createSessionEvents({ config, claims }: SessionRuntime): SessionEvents {
  const { run, startedAt } = claims.claimant;
  const { destination } = config.save;
  const startedMs = Date.parse(startedAt);
  let readyMs: number | undefined;

  function event(
    type: SessionEventType,
    atMs: number,
    data: Readonly<Record<string, unknown>>,
  ): SessionEvent {
    const hash = createHash('sha256').update(`webhook ${type} ${run}`).digest('base64url').slice(0, 22);
    const timestamp = new Date(atMs).toISOString();
    const all = {
      ...{ session: config.timestamp, run, world: null, phase: 'starting' },
      ...{ requestedAt: startedAt, readyAt: momentOf(readyMs), endedAt: null },
      ...{ durationSeconds: null, exitCode: null, saved: null, peakPeople: null },
      ...data,
    };
    return { type, id: `msg_${hash}`, body: JSON.stringify({ type, timestamp, data: all }) };
  }

  function endEvent(type: SessionEventType, report: Report, more: Readonly<Record<string, unknown>>) {
    const { session, exitCode, saved, endedAt, people } = report;
    const endMs = Date.parse(endedAt);
    return event(type, endMs, {
      ...{ session, phase: readyMs === undefined ? 'failed' : 'ended', endedAt, exitCode, saved },
      durationSeconds: Math.max(0, Math.round((endMs - startedMs) / 1_000)),
      peakPeople: people?.peak ?? null,
      ...more,
    });
  }

  return {
    started: () => event('session.started', startedMs, {}),
    ready() {
      readyMs = Date.now();
      const claimed = destination.kind === 'inside' ? undefined : claims.at(destination).claimed();
      return event('session.ready', readyMs, {
        ...{ session: claimed?.name ?? config.timestamp, phase: 'ready' },
      });
    },
    ended: report => endEvent('session.ended', report, { report: withoutPersonalData(report) }),
    unsaved: report => endEvent('session.unsaved', report, { recover: report.recover ?? null }),
  };
}

/** Labels may name a person as well. */
function withoutPersonalData(report: Report): Report {
  return { ...report, labels: undefined, names: undefined };
}

function momentOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
