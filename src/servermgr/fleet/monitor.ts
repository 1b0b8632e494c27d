import type { SessionSettings } from '../../config/servermgr-config.ts';
import { timeoutSignal } from '../../runtime/abort.ts';
import type { Log } from '../../runtime/log.ts';
import { isAlive, type Launcher, type Session } from '../launchers/launcher.ts';
import { type Archives, isFinal, type SavedReport } from '../saved-sessions.ts';
import { nameOf } from '../session-id.ts';
import { type Memory, remember } from './observation.ts';
import { probeAll } from './probe.ts';
import { type RuleLimits, rulesFor } from './rules.ts';
import { type SessionView, viewOf } from './view.ts';

export interface LookoutOptions {
  readonly launcher: Launcher;
  readonly archives: Archives;
  readonly limits: RuleLimits;
  readonly session: SessionSettings;
  readonly relaunch: (session: Session) => Promise<void>;
  readonly log: Log;
}

export interface Snapshot {
  readonly views: readonly SessionView[];
  /** Why the launcher could not be asked: what is shown is older then. */
  readonly fault: string | undefined;
}

interface ReportSought {
  readonly report: SavedReport | undefined;
  readonly tries: number;
  readonly triedMs: number;
}

export type Lookout = ReturnType<typeof newLookout>;

/** With nobody looking and nothing to wait for, this is often enough to hold the rules. */
const IDLE_MS = 5_000;
const LOOK_LIMIT_MS = 30_000;
/** ECS shows a new task a moment after RunTask has returned it. */
const EXPECTED_MS = 60_000;
/** What has ended and is saved is removed from this machine after so long; ECS does the same. */
const FORGET_MS = 3_600_000;
/**
 * A report is there before its session has ended. A store that was away for a moment is asked again at once; a
 * session that has left none, or only a journal, may be recovered later.
 */
const REPORT_TRIES = 5;
const REPORT_AGAIN_MS = 15_000;

/**
 * Watches over all sessions with one look at a time, however many pages want to know: asks the launcher, pings the
 * servers, reads the reports of those that have ended, holds the rules, and tells whoever follows.
 */
export function newLookout({ launcher, archives, limits, session: settings, relaunch, log }: LookoutOptions) {
  const closing = new AbortController();
  const memories = new Map<string, Memory>();
  const reports = new Map<string, ReportSought>();
  const expected = new Map<string, { session: Session; sinceMs: number }>();
  const followers = new Map<string, Set<(view: SessionView) => void>>();
  const told = new Map<string, string>();
  let listed: readonly Session[] = [];
  let lookedMs = Number.NEGATIVE_INFINITY;
  let fault: string | undefined;
  let looking: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function look(maxAgeMs: number = launcher.paceMs): Promise<Snapshot> {
    if (maxAgeMs === 0) await looking;
    if (Date.now() - lookedMs > maxAgeMs || maxAgeMs === 0) await lookOnce();
    return snapshot();
  }

  function lookOnce(): Promise<void> {
    looking ??= takeLook().finally(() => {
      looking = undefined;
      plan();
    });
    return looking;
  }

  async function takeLook(): Promise<void> {
    const signal = timeoutSignal(LOOK_LIMIT_MS, closing.signal);
    try {
      listed = await launcher.list(signal);
      await observe(signal);
      await readReports(signal);
      lookedMs = Date.now();
      fault = undefined;
      await act();
    } catch (error) {
      if (closing.signal.aborted) return;
      fault = error instanceof Error ? error.message : String(error);
      log.warn({ event: 'launcher_list_failed', err: error }, 'sessions could not be listed');
      // Not again at once: whoever asks is told of the fault.
      lookedMs = Date.now();
    }
    tell();
  }

  async function observe(signal: AbortSignal): Promise<void> {
    const sessions = sessionsNow();
    const addresses = sessions.flatMap(({ id, state }) =>
      state.phase === 'running' ? [[id, state.pingAddress] as const] : [],
    );
    const probes = await probeAll(new Map(addresses), signal);
    const atMs = Date.now();
    for (const session of sessions) {
      const { id } = session;
      const sight = { session, probe: probes.get(id), atMs, agentPlayers: settings.agentPlayers };
      memories.set(id, remember(memories.get(id), { ...sight, own: expected.has(id) }));
    }
    for (const { id, attempt } of listed) {
      if (attempt >= (expected.get(id)?.session.attempt ?? 0)) expected.delete(id);
    }
    const ids = new Set(sessionsNow().map(({ id }) => id));
    for (const map of [memories, reports, told])
      for (const id of map.keys()) if (!ids.has(id)) map.delete(id);
  }

  async function readReports(signal: AbortSignal): Promise<void> {
    const over = listed.filter(session => !isAlive(session));
    await Promise.all(
      over.map(async ({ id }) => {
        const before = reports.get(id) ?? { report: undefined, tries: 0, triedMs: 0 };
        if (!isDue(before)) return;
        const read = await archives.report(nameOf(id) ?? id, signal).catch((error: unknown) => {
          log.warn(
            { event: 'report_unreadable', err: error, session: nameOf(id) },
            'report could not be read',
          );
          return before.report;
        });
        reports.set(id, { report: read, tries: before.tries + 1, triedMs: Date.now() });
      }),
    );
  }

  /** Each rule for itself: what cannot be stopped now will be at the next look. */
  async function act(): Promise<void> {
    const nowMs = Date.now();
    const actions = rulesFor(sessionsNow(), memories, limits, nowMs);
    const work = actions.map(async action => {
      if (action.do === 'relaunch') return relaunch(action.session);
      log.warn(
        { event: 'stopped_by_rule', session: nameOf(action.session.id), why: action.why },
        `session stopped by rule: ${action.why}`,
      );
      return launcher.stop(action.session, action.why);
    });
    const old = listed.filter(session => isForgettable(session, nowMs));
    const results = await Promise.allSettled([...work, ...old.map(session => launcher.forget(session))]);
    for (const result of results) {
      if (result.status === 'rejected')
        log.warn({ event: 'rule_failed', err: result.reason }, 'rule could not be applied');
    }
  }

  /** A session whose archive is not safe keeps what it has left on this machine, for a person to look at. */
  function isForgettable({ id, state }: Session, nowMs: number): boolean {
    const report = reports.get(id)?.report;
    const safe = report?.saved === 'archive' || report?.saved === 'nothing-to-save';
    return state.phase === 'ended' && safe && nowMs - (report.endedMs ?? nowMs) > FORGET_MS;
  }

  /** What the launcher tells, and what has been launched and is not there yet. */
  function sessionsNow(): readonly Session[] {
    const nowMs = Date.now();
    for (const [id, { sinceMs }] of expected) if (nowMs - sinceMs > EXPECTED_MS) expected.delete(id);
    const fresh = [...expected.values()].map(({ session }) => session);
    return [...listed.filter(({ id }) => !expected.has(id)), ...fresh];
  }

  function snapshot(): Snapshot {
    const nowMs = Date.now();
    return { views: sessionsNow().map(session => view(session, nowMs)), fault };
  }

  function view(session: Session, nowMs: number): SessionView {
    const { id } = session;
    return viewOf({ session, memory: memories.get(id), report: reports.get(id)?.report }, settings, nowMs);
  }

  function tell(): void {
    const nowMs = Date.now();
    for (const session of sessionsNow()) {
      const listeners = followers.get(session.id);
      if (listeners === undefined) continue;
      const now = view(session, nowMs);
      const text = JSON.stringify(now);
      if (told.get(session.id) === text) continue;
      told.set(session.id, text);
      for (const listener of listeners) listener(now);
    }
  }

  /** The next look: soon while somebody waits for something, seldom while sessions only go on, else not at all. */
  function plan(): void {
    clearTimeout(timer);
    if (closing.signal.aborted) return;
    const alive = sessionsNow().filter(isAlive);
    const starting = alive.some(({ id }) => memories.get(id)?.readyMs === undefined);
    if (followers.size === 0 && alive.length === 0) return;
    const ms = followers.size > 0 || starting ? launcher.paceMs : IDLE_MS;
    timer = setTimeout(() => void lookOnce(), ms);
    timer.unref();
  }

  return {
    look,
    sessions: sessionsNow,

    /** A launch that the launcher may not list yet. */
    expect(session: Session): void {
      const isListed = listed.some(({ id, attempt }) => id === session.id && attempt >= session.attempt);
      if (!isListed) expected.set(session.id, { session, sinceMs: Date.now() });
      plan();
    },
    unexpect(id: string): void {
      expected.delete(id);
    },

    follow(id: string, listener: (view: SessionView) => void): () => void {
      const listeners = followers.get(id) ?? new Set();
      followers.set(id, listeners.add(listener));
      plan();
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) followers.delete(id);
      };
    },

    async close(): Promise<void> {
      closing.abort(new Error('the manager is closing'));
      clearTimeout(timer);
      await looking;
    },
  };
}

function isDue({ report, tries, triedMs }: ReportSought): boolean {
  if (report !== undefined && isFinal(report)) return false;
  return tries < REPORT_TRIES || Date.now() - triedMs > REPORT_AGAIN_MS;
}
