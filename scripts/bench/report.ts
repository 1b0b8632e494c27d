import type { Contestant } from './contestants.ts';
import type { Measured } from './measure.ts';
import type { CodecTarget, PeerTarget, Row, Target } from './rows.ts';
import type { Scheme } from './s3-process.ts';

export interface Run extends Measured {
  readonly archiveBytes: number;
}

/** The runs of each contestant of a row, in the order of the rounds. */
export type Runs = ReadonlyMap<string, readonly Run[]>;

/** The seconds of each contestant's codec alone, in the order of the rounds. */
export type BareRuns = ReadonlyMap<string, readonly number[]>;

export interface RowResult {
  readonly row: string;
  readonly scheme: Scheme;
  readonly contestants: readonly ContestantResult[];
  readonly targets: readonly TargetResult[];
}

export interface ContestantResult {
  readonly name: string;
  readonly rounds: number;
  readonly seconds: Spread;
  readonly cpuSeconds: Spread;
  /** See `Measured`. */
  readonly busy: Spread;
  readonly peakMib: Spread;
  readonly archiveMib: number;
  /** Of its codec alone; undefined: not measured. */
  readonly codecSeconds: number | undefined;
}

export interface TargetResult {
  readonly text: string;
  readonly isMet: boolean;
}

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export function summarise(row: Row, scheme: Scheme, runs: Runs, bare: BareRuns): RowResult {
  const of = ({ name }: Contestant) => runs.get(name) ?? [];
  const codecOf = ({ name }: Contestant) => bare.get(name) ?? [];
  const measured = row.contestants.filter(contestant => of(contestant).length > 0);
  const judge = (target: Target) =>
    'peer' in target
      ? againstPeer(target, of(target.ours), of(target.peer))
      : againstCodec(target, of(target.ours), codecOf(target.ours));
  return {
    row: row.name,
    scheme,
    contestants: measured.map(contestant => ({
      name: contestant.name,
      rounds: of(contestant).length,
      seconds: spread(of(contestant).map(run => run.seconds)),
      cpuSeconds: spread(of(contestant).map(run => run.cpuSeconds)),
      busy: spread(of(contestant).map(run => run.busy)),
      peakMib: spread(of(contestant).map(run => run.peakBytes / MIB)),
      archiveMib: spread(of(contestant).map(run => run.archiveBytes / MIB)).median,
      codecSeconds: codecOf(contestant).length === 0 ? undefined : spread(codecOf(contestant)).median,
    })),
    targets: row.targets.flatMap(target => judge(target) ?? []),
  };
}

/** Undefined: one of the two was not measured. */
function againstPeer(
  { ours, peer, faster, larger }: PeerTarget,
  mine: readonly Run[],
  theirs: readonly Run[],
): TargetResult | undefined {
  if (mine.length === 0 || theirs.length === 0) return undefined;
  const ratio = ratioOf(
    theirs.map(run => run.seconds),
    mine.map(run => run.seconds),
  );
  const size = (all: readonly Run[]) => spread(all.map(run => run.archiveBytes)).median;
  const share = size(mine) / size(theirs);
  const atMost = Number.isFinite(larger) ? ` (at most ${larger})` : '';
  return {
    text: `${ours.name}: ${ratio.toFixed(2)} x faster (at least ${faster}) than ${peer.name}, ${share.toFixed(3)} of its size${atMost}`,
    isMet: ratio >= faster && share <= larger,
  };
}

function againstCodec(
  { ours, ofCodec }: CodecTarget,
  mine: readonly Run[],
  codec: readonly number[],
): TargetResult | undefined {
  if (mine.length === 0 || codec.length === 0) return undefined;
  const ratio = ratioOf(
    codec,
    mine.map(run => run.seconds),
  );
  return {
    text: `${ours.name}: ${ratio.toFixed(2)} of its codec's speed (at least ${ofCodec})`,
    isMet: ratio >= ofCodec,
  };
}

/** Round by round, so that what slows the machine for a while slows both; the median of that. */
function ratioOf(theirs: readonly number[], mine: readonly number[]): number {
  return spread(mine.map((seconds, i) => (theirs[i] ?? Number.NaN) / seconds)).median;
}

const MIB = 1 << 20;

function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN;
  const median =
    (at(0.5) + (sorted.length % 2 === 0 ? (sorted[sorted.length / 2 - 1] ?? at(0.5)) : at(0.5))) / 2;
  return { min: at(0), median, max: at(1) };
}
