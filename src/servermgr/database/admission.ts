import type { Transaction } from 'kysely';
import type { ServermgrLimits } from '../../config/servermgr-config.ts';
import { type AuditEntry, writeAudit } from './audit.ts';
import { type Database, databaseNow } from './database.ts';
import { type FleetRecord, rowOf } from './records.ts';
import type { Tables } from './schema.ts';

export type AdmissionLimits = Pick<
  ServermgrLimits,
  'fleet' | 'maxAgeMs' | 'budgetPerDay' | 'sessionsPerNetwork' | 'launchesPerDay'
>;

/** What became of a request for a place. */
export type Admission =
  | { readonly kind: 'admitted' }
  /** The same request has a session already. */
  | { readonly kind: 'known'; readonly id: string }
  /** The visitor has another one. */
  | { readonly kind: 'already-running'; readonly id: string; readonly world: string }
  | { readonly kind: 'full'; readonly limit: number }
  /** The network has as many at once as it may have. */
  | { readonly kind: 'network-full'; readonly limit: number }
  /** The network has launched as many in a day as it may launch. */
  | { readonly kind: 'network-spent'; readonly limit: number }
  /** @param untilMs the next day begins then */
  | { readonly kind: 'over-budget'; readonly untilMs: number };

/** The day's money, in US dollars: what is spent at most if nothing more is launched. */
export interface Spending {
  readonly atMost: number;
  readonly budget: number;
}

/** Gives a session its place, or says why not: in one transaction, so that limits are exact for all instances. */
export interface Admissions {
  admit(record: FleetRecord, audit: AuditEntry): Promise<Admission>;
  /** undefined: there is no budget. */
  spending(nowMs: number): Promise<Spending | undefined>;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** @param costPerHour what a session costs; undefined: what those before have cost */
export function openAdmissions(
  { db, kind, transaction }: Database,
  limits: AdmissionLimits,
  costPerHour: number | undefined,
): Admissions {
  async function admit(tx: Transaction<Tables>, record: FleetRecord): Promise<Admission> {
    const { session, networkHash, requestedMs } = record;
    const known = await tx
      .selectFrom('sessions')
      .select('id')
      .where('idempotency_key', '=', session.idempotencyKey)
      .executeTakeFirst();
    if (known !== undefined) return { kind: 'known', id: known.id };

    const alive = await tx
      .selectFrom('sessions')
      .select(['id', 'world', 'visitor_hash', 'network_hash'])
      .where('over_ms', 'is', null)
      .execute();
    const own = alive.find(row => row.visitor_hash === session.visitorHash);
    if (own !== undefined) return { kind: 'already-running', id: own.id, world: own.world };
    if (alive.length >= limits.fleet) return { kind: 'full', limit: limits.fleet };
    if (networkHash !== undefined) {
      const ofNetwork = alive.filter(row => row.network_hash === networkHash).length;
      const { sessionsPerNetwork, launchesPerDay } = limits;
      if (ofNetwork >= sessionsPerNetwork) return { kind: 'network-full', limit: sessionsPerNetwork };
      if ((await launchesToday(tx, networkHash, requestedMs)) >= launchesPerDay) {
        return { kind: 'network-spent', limit: launchesPerDay };
      }
    }
    return (await isOverBudget(tx, requestedMs))
      ? { kind: 'over-budget', untilMs: dayOf(requestedMs).endMs }
      : { kind: 'admitted' };
  }

  /** Launches that have failed count as none. */
  async function launchesToday(tx: Transaction<Tables>, networkHash: string, nowMs: number): Promise<number> {
    const { count } = await tx
      .selectFrom('sessions')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('network_hash', '=', networkHash)
      .where('requested_ms', '>', nowMs - DAY_MS)
      .where(({ or, eb }) => or([eb('over_ms', 'is', null), eb('confirmed_ms', 'is not', null)]))
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  /** Of no day that it may run in: a session of tonight costs tomorrow's money as well. */
  async function isOverBudget(tx: Transaction<Tables>, nowMs: number): Promise<boolean> {
    const { budgetPerDay } = limits;
    if (budgetPerDay === undefined) return false;
    const own = { fromMs: nowMs, untilMs: nowMs + limits.maxAgeMs };
    const { runs, rate } = await runsSince(tx, nowMs);
    const isOver = (day: Day) =>
      spentIn(day, runs) + costIn(day, { ...own, costPerHour: rate }) > budgetPerDay;
    return daysOf(own).some(isOver);
  }

  /** Those that run count as if they ran until they are stopped as too old. */
  async function runsSince(tx: Pick<typeof db, 'selectFrom'>, nowMs: number) {
    const rows = await tx
      .selectFrom('sessions')
      .select(['requested_ms', 'over_ms', 'cost_per_hour', 'confirmed_ms'])
      .where(({ or, eb }) => or([eb('over_ms', 'is', null), eb('over_ms', '>', dayOf(nowMs).startMs)]))
      .execute();
    const dearest = await tx
      .selectFrom('sessions')
      .select(({ fn }) => fn.max('cost_per_hour').as('cost'))
      .executeTakeFirst();
    const rate = costPerHour ?? dearest?.cost ?? 0;
    const runs = rows
      .filter(row => row.over_ms === null || row.confirmed_ms !== null)
      .map(row => ({
        fromMs: row.requested_ms,
        untilMs: row.over_ms ?? Math.max(nowMs, row.requested_ms + limits.maxAgeMs),
        costPerHour: costPerHour ?? row.cost_per_hour ?? rate,
      }));
    return { runs, rate };
  }

  return {
    admit: (record, audit) =>
      transaction(async tx => {
        const admission = await admit(tx, record);
        if (admission.kind === 'admitted') {
          const row = { ...rowOf(record), changed_ms: databaseNow(kind) };
          await tx.insertInto('sessions').values(row).execute();
          await writeAudit(tx, audit);
        }
        return admission;
      }),
    async spending(nowMs) {
      if (limits.budgetPerDay === undefined) return undefined;
      const { runs } = await runsSince(db, nowMs);
      return { atMost: spentIn(dayOf(nowMs), runs), budget: limits.budgetPerDay };
    },
  };
}

interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

interface Run extends Span {
  readonly costPerHour: number;
}

/** Days are UTC's. */
interface Day {
  readonly startMs: number;
  readonly endMs: number;
}

function spentIn(day: Day, runs: readonly Run[]): number {
  return runs.reduce((sum, run) => sum + costIn(day, run), 0);
}

/** What a session costs, as far as it runs in that day. */
function costIn({ startMs, endMs }: Day, { fromMs, untilMs, costPerHour }: Run): number {
  const ms = Math.min(untilMs, endMs) - Math.max(fromMs, startMs);
  return (Math.max(0, ms) / HOUR_MS) * costPerHour;
}

function dayOf(nowMs: number): Day {
  const startMs = nowMs - (nowMs % DAY_MS);
  return { startMs, endMs: startMs + DAY_MS };
}

function daysOf({ fromMs, untilMs }: Span): Day[] {
  const days = [dayOf(fromMs)];
  for (let day = dayOf(fromMs); day.endMs < untilMs; day = dayOf(day.endMs)) days.push(dayOf(day.endMs));
  return days;
}
