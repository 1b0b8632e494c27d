import { requestedAtMs } from '../../../src/servermgr/session-id.ts';
import type { ToldTask } from '../support/aws-process.ts';
import type { Journal } from './journal.ts';
import type { Span } from './troubles.ts';

export interface Limits {
  readonly fleet: number;
  readonly perNetwork: number;
  readonly perDay: number;
  readonly maxAgeMs: number;
  readonly launchTimeoutMs: number;
}

/** What is known when all is over. */
export interface Evidence {
  /** This manager's. */
  readonly tasks: readonly ToldTask[];
  readonly rows: readonly Row[];
  readonly journal: Journal;
  /** When the launcher did not do what it was asked to. */
  readonly silent: readonly Span[];
  readonly limits: Limits;
}

export interface Row {
  readonly id: string;
  readonly over_ms: number | null;
  readonly stop_reason: string | null;
  readonly stop_ms: number | null;
}

/** For so long somebody may be late while the launcher answers. */
const LATE_MS = 60_000;

/** @returns what was not as it has to be */
export function judge(evidence: Evidence): readonly string[] {
  return [...tooMany(evidence), ...unknown(evidence), ...tooLong(evidence), ...wronglyOver(evidence)];
}

function tooMany({ tasks, journal, limits }: Evidence): string[] {
  const networkOf = ({ visitor = '' }: ToldTask) => journal.networks.get(visitor) ?? `of ${visitor}`;
  const atOnce = (what: string, most: number, groupOf: (task: ToldTask) => string) =>
    [...Map.groupBy(tasks, groupOf)].flatMap(([group, own]) => {
      const count = mostAtOnce(own);
      return count > most ? [`${count} tasks at once for the ${what} ${group}: ${JSON.stringify(own)}`] : [];
    });
  const launches = [...Map.groupBy(tasks, networkOf)].flatMap(([network, { length }]) =>
    length > limits.perDay ? [`${length} launches of the network ${network}`] : [],
  );
  return [
    ...atOnce('fleet', limits.fleet, () => ''),
    ...atOnce('network', limits.perNetwork, networkOf),
    ...atOnce('visitor', 1, ({ visitor = '' }) => visitor),
    ...atOnce('session', 1, ({ session = '' }) => session),
    ...launches,
  ];
}

function mostAtOnce(tasks: readonly ToldTask[]): number {
  const changes = tasks.flatMap(({ createdMs, stopped }) => [
    { atMs: createdMs, by: 1 },
    { atMs: stopped?.atMs ?? Number.POSITIVE_INFINITY, by: -1 },
  ]);
  let [now, most] = [0, 0];
  for (const { by } of changes.sort((a, b) => a.atMs - b.atMs || a.by - b.by)) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
}

function unknown({ tasks, rows }: Evidence): string[] {
  const known = new Set(rows.map(({ id }) => id));
  const alive = new Set(tasks.filter(({ stopped }) => stopped === undefined).map(({ session }) => session));
  return [
    ...tasks
      .filter(({ session = '' }) => !known.has(session))
      .map(task => `no row of ${JSON.stringify(task)}`),
    ...rows
      .filter(({ id, over_ms: over }) => over === null && !alive.has(id))
      .map(row => `no task of ${JSON.stringify(row)}`),
  ];
}

function tooLong({ tasks, journal, silent, limits }: Evidence): string[] {
  return tasks.flatMap(task => {
    const { session = '', stopped } = task;
    const askedMs = stopped?.askedMs ?? Date.now();
    const endMs = (requestedAtMs(session) ?? 0) + limits.maxAgeMs;
    const stopMs = journal.stopsAnswered.get(session) ?? Number.POSITIVE_INFINITY;
    const late = (dueMs: number) =>
      askedMs - Math.max(dueMs, task.createdMs) - silentMs(silent, dueMs, askedMs);
    return [
      ...(late(endMs) > LATE_MS ? [`it was ${late(endMs)} ms too old: ${JSON.stringify(task)}`] : []),
      ...(late(stopMs) > LATE_MS ? [`its stop took ${late(stopMs)} ms: ${JSON.stringify(task)}`] : []),
    ];
  });
}

/** How much of a time the launcher was of no use in. */
function silentMs(silent: readonly Span[], fromMs: number, untilMs: number): number {
  return silent.reduce(
    (sum, span) => sum + Math.max(0, Math.min(span.untilMs, untilMs) - Math.max(span.fromMs, fromMs)),
    0,
  );
}

/** Pages that have told of an end which there was not. */
function wronglyOver({ tasks, rows, journal, limits }: Evidence): string[] {
  const bySession = Map.groupBy(tasks, ({ session }) => session);
  const stops = new Map(rows.map(row => [row.id, row.stop_ms ?? Number.POSITIVE_INFINITY]));
  const readyMs = new Map<string, number>();
  for (const { id, phase, seenMs } of journal.sights)
    if (phase === 'ready') readyMs.set(id, Math.min(readyMs.get(id) ?? seenMs, seenMs));
  return journal.sights.flatMap(sight => {
    const { id, phase, askedMs, seenMs } = sight;
    const alive = (bySession.get(id) ?? []).filter(
      ({ createdMs, stopped }) => createdMs < askedMs && !(stopped !== undefined && stopped.atMs <= seenMs),
    );
    if (phase === 'ended' || phase === 'failed')
      return alive.map(task => `a page showed ${JSON.stringify(sight)} of ${JSON.stringify(task)}`);
    if (phase !== 'ending') return [];
    const stopMs = Math.min(
      stops.get(id) ?? Number.POSITIVE_INFINITY,
      journal.stopsAsked.get(id) ?? Number.POSITIVE_INFINITY,
    );
    // A rule's stop is shown before the launcher is asked, and while neither it nor the database can be.
    const age = seenMs - (requestedAtMs(id) ?? 0);
    const wasReady = (readyMs.get(id) ?? Number.POSITIVE_INFINITY) < seenMs;
    if (age >= limits.maxAgeMs || (!wasReady && age >= limits.launchTimeoutMs)) return [];
    return alive
      .filter(({ stopped }) => stopMs > seenMs && !(stopped !== undefined && stopped.askedMs <= seenMs))
      .map(task => `a page showed ${JSON.stringify(sight)} of ${JSON.stringify(task)}`);
  });
}
