import { setTimeout } from 'node:timers/promises';
import type { Random } from '../../support/random.ts';
import type { AwsProcess } from '../support/aws-process.ts';
import { type AwsTrouble, NO_TROUBLE } from '../support/aws-trouble.ts';
import type { Postgres } from '../support/postgres.ts';

/** A time, in milliseconds since the epoch. */
export interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

interface Phase {
  readonly name: string;
  readonly trouble: Partial<AwsTrouble>;
  readonly seconds: number;
  /** Whether the launcher does what it is asked to meanwhile. */
  readonly answers: boolean;
}

const PHASES: readonly Phase[] = [
  { name: 'throttles', trouble: { throttled: 1 }, seconds: 12, answers: false },
  { name: 'throttles most', trouble: { throttled: 0.7 }, seconds: 10, answers: false },
  { name: 'lists late, and not all', trouble: { lateMs: 8_000, omitted: 0.4 }, seconds: 20, answers: true },
  { name: 'tells what is old', trouble: { staleMs: 4_000, omitted: 0.1 }, seconds: 15, answers: true },
  { name: 'loses answers', trouble: { lost: 0.5 }, seconds: 10, answers: false },
  { name: 'has no machine', trouble: { lacking: 0.7, lost: 0.1 }, seconds: 8, answers: true },
  { name: 'is away', trouble: { away: true }, seconds: 10, answers: false },
];

export interface Troubles {
  /** When the launcher did not do what it was asked to. */
  readonly silent: readonly Span[];
  /** What happened when, for whoever reads a failure. */
  readonly told: readonly string[];
}

/** All troubles of a run, one after the other for the launcher, and meanwhile those of the database. */
export async function makeTroubles(aws: AwsProcess, postgres: Postgres, random: Random): Promise<Troubles> {
  const startMs = Date.now();
  const silent: Span[] = [];
  const told: string[] = [];
  const tell = (what: string) => void told.push(`${((Date.now() - startMs) / 1_000).toFixed(1)} s: ${what}`);

  async function ofLauncher(phases: readonly Phase[], gaps: readonly number[]): Promise<void> {
    for (const [index, { name, trouble, seconds, answers }] of phases.entries()) {
      await setTimeout(gaps[index]);
      tell(`the launcher ${name}`);
      const fromMs = Date.now();
      await aws.trouble({ ...NO_TROUBLE, ...trouble });
      await setTimeout(seconds * 1_000);
      await aws.trouble(NO_TROUBLE);
      tell(`the launcher ${name} no more`);
      if (!answers) silent.push({ fromMs, untilMs: Date.now() });
    }
  }

  async function ofDatabase(freezeMs: number, killMs: number): Promise<void> {
    await setTimeout(freezeMs);
    tell('the database is frozen');
    postgres.freeze();
    await setTimeout(FROZEN_MS);
    postgres.thaw();
    tell('the database is thawed');
    await setTimeout(killMs);
    tell('the database is killed');
    await postgres.kill();
    await setTimeout(AWAY_MS);
    await postgres.start();
    tell('the database is back');
  }

  const phases = shuffled(PHASES, random);
  const gaps = phases.map(() => random.between(2_000, 4_000));
  await Promise.all([
    ofLauncher(phases, gaps),
    ofDatabase(random.between(8_000, 15_000), random.between(8_000, 16_000)),
  ]);
  return { silent, told };
}

const FROZEN_MS = 6_000;
const AWAY_MS = 60_000;

function shuffled<T>(list: readonly T[], random: Random): readonly T[] {
  return list
    .map(each => ({ each, rank: random.fraction() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ each }) => each);
}
