import { mapParallel } from './parallel.ts';

/** The options of a program that makes seeded runs, for `parseArgs`. */
export function seededOptions({ parallel }: { readonly parallel: number }) {
  return {
    seed: { type: 'string', default: `${Date.now() % 100_000}` },
    parallel: { type: 'string', default: `${parallel}` },
    /** Repeats the run of this index alone, and prints its log. */
    only: { type: 'string' },
  } as const;
}

/** How one kind of run is planned, made and described. */
export interface SeededRuns<Plan, Result extends { readonly faults: readonly string[] }> {
  /** The same seed and index give the same plan, however many runs there are. */
  plan(seed: number, index: number): Plan;
  /** In one line. */
  describe(plan: Plan): string;
  run(plan: Plan): Promise<Result>;
  /** What `only` prints, line ends included. */
  log(plan: Plan, result: Result): string;
  /** In one line, about all runs. */
  summarise(results: readonly Result[], seed: number): string;
}

export interface SeededSettings {
  readonly count: number;
  readonly seed: string;
  readonly parallel: string;
  readonly only?: string | undefined;
}

/**
 * Makes many runs, each after a plan that a seed decides; prints each that has faults with the options that repeat it.
 * @returns the exit code: 0 when no run has faults
 */
export async function makeSeededRuns<Plan, Result extends { readonly faults: readonly string[] }>(
  runs: SeededRuns<Plan, Result>,
  settings: SeededSettings,
): Promise<number> {
  const { count, only } = settings;
  const seed = Number(settings.seed);
  const indexes = only === undefined ? [...Array(count).keys()] : [Number(only)];
  const results = await mapParallel(indexes, Number(settings.parallel), async index => {
    const plan = runs.plan(seed, index);
    const result = await runs.run(plan);
    if (only !== undefined) process.stdout.write(runs.log(plan, result));
    if (result.faults.length > 0)
      console.log(`--seed ${seed} --only ${index}: ${result.faults.join('; ')} | ${runs.describe(plan)}`);
    return result;
  });
  console.log(runs.summarise(results, seed));
  return results.every(({ faults }) => faults.length === 0) ? 0 : 1;
}
