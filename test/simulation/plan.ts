import fc from 'fast-check';
import type { Conditions } from '../../src/store/conditions.ts';
import { FAULTS, type Fault } from './faults.ts';
import { type Deed, FILES } from './workdir.ts';

/** Everything of a run that is not decided by its seed. */
export interface Plan {
  /** Of what befalls each request, and when. */
  readonly seed: number;
  /** The session is cut off for so long that recoveries take it for dead, and comes back; recoveries meet. */
  readonly takeover: boolean;
  readonly faults: readonly Fault[];
  readonly conditions: Conditions;
  readonly clockOffsetMs: number;
  readonly deeds: readonly Deed[];
  /** By the session's start: its way to the store is cut for so long. */
  readonly partitions: readonly Span[];
  /** Of the clock that the session and the recoveries have. */
  readonly jumps: readonly { readonly atMs: number; readonly byMs: number }[];
  /** How the session ends when all is done; before that at its request of this number, if it makes so many. */
  readonly end: 'saved' | 'killed';
  readonly killAt: number | undefined;
  readonly recoveries: readonly RecoveryPlan[];
  /** What is there of another session of the same TIMESTAMP. */
  readonly neighbour: 'nobody' | 'claim' | 'archive';
}

interface Span {
  readonly atMs: number;
  readonly forMs: number;
}

export interface RecoveryPlan {
  /** By the end of what came before it; with takeover, by the session's start. */
  readonly atMs: number;
  readonly killAt: number | undefined;
  readonly partition: Span | undefined;
}

const MINUTE = 60_000;

/** One that shrinks to what is simplest: `first`. */
const mostly = <T, U>(often: fc.Arbitrary<T>, first: fc.Arbitrary<U>, outOf: number) =>
  fc.oneof(
    { withCrossShrink: true },
    { arbitrary: first, weight: 1 },
    { arbitrary: often, weight: outOf - 1 },
  );

const sometimes = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 1 });

/** A kind of fault is left out of few runs: all are there at once. */
const enabled = fc
  .tuple(...FAULTS.map(fault => fc.nat({ max: 29 }).map(n => (n === 0 ? [] : [fault]))))
  .map(all => all.flat());

const deed: fc.Arbitrary<Deed> = fc.record({
  kind: mostly(
    fc.constantFrom('append', 'append', 'rewrite', 'replace', 'cut', 'rename', 'remove'),
    fc.constant('append'),
    5,
  ),
  file: fc.constantFrom(...FILES),
  bytes: mostly(fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 0, max: 80_000 }), 5),
  afterMs: mostly(fc.integer({ min: 1, max: 6_000 }), fc.integer({ min: 1, max: 2 * MINUTE }), 8),
});

const recovery = (latestMs: number): fc.Arbitrary<RecoveryPlan> =>
  fc.record({
    atMs: fc.integer({ min: 0, max: latestMs }),
    killAt: sometimes(fc.integer({ min: 1, max: 60 })),
    partition: sometimes(span(MINUTE, 5 * MINUTE)),
  });

function span(latestMs: number, longestMs: number): fc.Arbitrary<Span> {
  return fc.record({
    atMs: fc.integer({ min: 0, max: latestMs }),
    forMs: fc.integer({ min: 1_000, max: longestMs }),
  });
}

/** @param takeover in every plan; otherwise in one of four */
export function plans({ takeover }: { readonly takeover: boolean }): fc.Arbitrary<Plan> {
  if (takeover) return planned(true);
  return fc.oneof({ arbitrary: planned(false), weight: 3 }, { arbitrary: planned(true), weight: 1 });
}

function planned(takeover: boolean): fc.Arbitrary<Plan> {
  return fc.record({
    seed: fc.noShrink(fc.nat()),
    takeover: fc.constant(takeover),
    faults: enabled,
    conditions: fc.constantFrom<Conditions[]>('honoured', 'honoured', 'honoured', 'ignored', 'refused'),
    clockOffsetMs: mostly(fc.integer({ min: -60 * MINUTE, max: 60 * MINUTE }), fc.constant(0), 3),
    deeds: fc.array(deed, { maxLength: 14 }),
    partitions: fc.array(span(2 * MINUTE, takeover ? 15 * MINUTE : MINUTE), { maxLength: 2 }),
    jumps: fc.array(
      fc.record({
        atMs: fc.integer({ min: 0, max: 5 * MINUTE }),
        byMs: fc.integer({ min: -90 * MINUTE, max: 90 * MINUTE }),
      }),
      { maxLength: 2 },
    ),
    end: fc.constantFrom<Plan['end'][]>('saved', 'killed'),
    killAt: sometimes(fc.integer({ min: 1, max: 60 })),
    recoveries: fc.array(recovery(takeover ? 15 * MINUTE : 8 * MINUTE), { maxLength: 3 }),
    neighbour: mostly(
      fc.constantFrom<Plan['neighbour'][]>('claim', 'archive'),
      fc.constant<Plan['neighbour']>('nobody'),
      2,
    ),
  });
}
