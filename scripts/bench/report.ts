import type { Contestant } from './contestants.ts';
import type { Measured } from './measure.ts';
import type { Row } from './rows.ts';

export interface Run extends Measured {
  readonly archiveBytes: number;
}

/** The runs of each contestant of a row, in the order of the rounds. */
export type Runs = ReadonlyMap<string, readonly Run[]>;

export interface RowResult {
  readonly row: string;
  readonly contestants: readonly ContestantResult[];
  readonly targets: readonly TargetResult[];
}

interface ContestantResult {
  readonly name: string;
  readonly rounds: number;
  readonly seconds: Spread;
  readonly cpuSeconds: Spread;
  readonly peakMib: Spread;
  readonly archiveMib: number;
}

interface TargetResult {
  readonly ours: string;
  readonly peer: string;
  /** How many times faster, round by round. */
  readonly faster: Spread;
  readonly fasterTarget: number;
  readonly larger: number;
  readonly largerTarget: number | undefined;
  readonly isMet: boolean;
}

interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export function summarise(row: Row, runs: Runs): RowResult {
  const of = (contestant: Contestant) => runs.get(contestant.name) ?? [];
  const measured = row.contestants.filter(contestant => of(contestant).length > 0);
  return {
    row: row.name,
    contestants: measured.map(contestant => ({
      name: contestant.name,
      rounds: of(contestant).length,
      seconds: spread(of(contestant).map(run => run.seconds)),
      cpuSeconds: spread(of(contestant).map(run => run.cpuSeconds)),
      peakMib: spread(of(contestant).map(run => run.peakBytes / MIB)),
      archiveMib: spread(of(contestant).map(run => run.archiveBytes / MIB)).median,
    })),
    targets: row.targets
      .filter(({ ours, peer }) => of(ours).length > 0 && of(peer).length > 0)
      .map(target => {
        const [mine, theirs] = [of(target.ours), of(target.peer)];
        const faster = spread(mine.map((run, i) => (theirs[i]?.seconds ?? Number.NaN) / run.seconds));
        const size = (all: readonly Run[]) => spread(all.map(run => run.archiveBytes)).median;
        const larger = size(mine) / size(theirs);
        return {
          ours: target.ours.name,
          peer: target.peer.name,
          faster,
          fasterTarget: target.faster,
          larger,
          largerTarget: Number.isFinite(target.larger) ? target.larger : undefined,
          isMet: faster.median >= target.faster && larger <= target.larger,
        };
      }),
  };
}

export function table(result: RowResult): string {
  const head = `${result.row.padEnd(28)} seconds (min, max)     CPU s   peak MiB   archive MiB`;
  const lines = result.contestants.map(({ name, seconds, cpuSeconds, peakMib, archiveMib }) => {
    const range = `(${seconds.min.toFixed(2)}, ${seconds.max.toFixed(2)})`;
    return `  ${name.padEnd(26)} ${seconds.median.toFixed(2).padStart(6)} ${range.padEnd(16)} ${cpuSeconds.median.toFixed(2).padStart(6)} ${peakMib.median.toFixed(0).padStart(9)} ${archiveMib.toFixed(1).padStart(13)}`;
  });
  const targets = result.targets.map(({ ours, peer, faster, fasterTarget, larger, largerTarget, isMet }) => {
    const size = `${larger.toFixed(3)} of its size${largerTarget === undefined ? '' : ` (at most ${largerTarget})`}`;
    return `  ${isMet ? 'met   ' : 'MISSED'} ${ours}: ${faster.median.toFixed(2)} x faster (at least ${fasterTarget}) than ${peer}, ${size}`;
  });
  return [head, ...lines, ...targets, ''].join('\n');
}

const MIB = 1 << 20;

function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN;
  const median =
    (at(0.5) + (sorted.length % 2 === 0 ? (sorted[sorted.length / 2 - 1] ?? at(0.5)) : at(0.5))) / 2;
  return { min: at(0), median, max: at(1) };
}
