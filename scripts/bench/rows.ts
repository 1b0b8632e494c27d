import {
  type Contestant,
  fromTheEnd,
  ours,
  pigz,
  pigzRclone,
  tarCzf,
  tarGzip,
  zstd3,
} from './contestants.ts';
import type { Size } from './workdir.ts';

/** Contestants on one working directory. */
export interface Row {
  readonly name: string;
  readonly size: Size;
  readonly rounds: number;
  readonly contestants: readonly Contestant[];
  readonly targets: readonly Target[];
  /** Whether each codec is measured alone as well. */
  readonly bare: boolean;
}

/** What is promised of one of ours. */
export type Target = PeerTarget | CodecTarget;

/** Against a peer. */
export interface PeerTarget {
  readonly ours: Contestant;
  readonly peer: Contestant;
  /** How many times faster at least. */
  readonly faster: number;
  /** The size of the archive, as a multiple of theirs, at most. */
  readonly larger: number;
}

/** Against its codec alone. */
export interface CodecTarget {
  readonly ours: Contestant;
  /** Of the codec's speed, at least. */
  readonly ofCodec: number;
}

const MIB = 1 << 20;
/** The supervisor's default. */
const gzip2 = ours('gzip', 2);
const gzip1 = ours('gzip', 1);
const isal = ours('gzip', 2, 'isal');
const gzipRunning = fromTheEnd(gzip2);
const zstd1 = ours('zstd', 1);
const [pigz6, pigz1] = [pigz(6), pigz(1)];
const anySize = Infinity;

export const ROWS: readonly Row[] = [
  {
    name: '10MiB',
    size: { bytes: 10 * MIB },
    rounds: 7,
    contestants: [tarCzf, gzip2, gzipRunning],
    targets: [
      { ours: gzip2, peer: tarCzf, faster: 5, larger: anySize },
      { ours: gzipRunning, peer: tarCzf, faster: 5, larger: anySize },
    ],
    bare: false,
  },
  {
    name: '866MiB',
    size: { bytes: 866 * MIB },
    rounds: 5,
    contestants: [tarGzip, pigz6, pigzRclone, pigz1, zstd3, isal, gzip2, gzip1, zstd1],
    targets: [
      { ours: gzip2, peer: tarGzip, faster: 4, larger: 1.1 },
      { ours: gzip2, peer: pigz6, faster: 1.6, larger: 1.1 },
      { ours: gzip1, peer: pigz1, faster: 1.3, larger: 1 },
      { ours: isal, peer: pigz1, faster: 2, larger: 1.03 },
      { ours: isal, peer: zstd3, faster: 1, larger: anySize },
      { ours: isal, peer: gzip2, faster: 1, larger: 1.05 },
      { ours: zstd1, peer: zstd3, faster: 1.3, larger: 1.05 },
      { ours: gzip2, ofCodec: 0.75 },
    ],
    bare: true,
  },
  {
    name: '20000files',
    size: { files: 20_000, bytesEach: 2048 },
    rounds: 7,
    contestants: [pigz6, gzip2, gzipRunning],
    targets: [
      { ours: gzip2, peer: pigz6, faster: 1.5, larger: anySize },
      { ours: gzipRunning, peer: pigz6, faster: 1.5, larger: anySize },
    ],
    bare: false,
  },
  {
    name: '4GiB',
    size: { bytes: 4096 * MIB },
    rounds: 1,
    contestants: [isal, gzip2, zstd1],
    targets: [],
    bare: false,
  },
];
