import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type PackSummary, pack } from '../archive/pack.ts';
import { type Survey, survey } from '../archive/walk.ts';
import type { Config, Place } from '../config/session-config.ts';
import type { Selection } from '../files/selection.ts';
import { compressionThreads } from '../runtime/cpus.ts';
import type { Log } from '../runtime/log.ts';
import type { Progress } from '../runtime/progress.ts';
import { limitTime, type Stops } from '../runtime/signals.ts';
import { errorText } from '../runtime/text.ts';
import { AlreadyThereError, type Destination, type Receipt, RefusedError } from '../store/store.ts';
import { keyOf, nthName, reportName } from './archive-name.ts';

export interface SaveTools {
  readonly log: Log;
  readonly stops: Stops;
  readonly open: (place: Place) => Promise<Destination>;
  readonly progress: Progress;
  /** Told the names that the archive and its report are about to take. */
  readonly onNames?: (archiveKey: string, reportKey: string) => Promise<void>;
}

export interface SavedArchive {
  readonly how: 'archive';
  readonly destination: Destination;
  readonly receipt: Receipt;
  readonly summary: PackSummary;
  /** Where its report goes. */
  readonly reportKey: string;
  readonly tries: number;
  readonly ms: number;
  readonly faults: readonly string[];
}

export interface NotSaved {
  readonly how: 'not-saved';
  readonly faults: readonly string[];
}

/** What of the time goes to the first destination when there is a second one. */
const FIRST_SHARE = 0.6;

/**
 * Saves the working directory as one archive: at the destination, or when that has finally failed, at the fallback.
 * It ends by itself within the time that saving may take. It never rejects.
 */
export async function saveArchive(
  config: Config,
  folder: string,
  leaveOut: readonly string[],
  tools: SaveTools,
): Promise<SavedArchive | NotSaved> {
  const { destination, fallback, timeoutMs } = config.save;
  const homes =
    fallback === undefined
      ? [{ place: destination, share: 1 }]
      : [
          { place: destination, share: FIRST_SHARE },
          { place: fallback, share: 1 },
        ];
  const faults: string[] = [];
  for (const { place, share } of homes) {
    if (tools.stops.abandoned.aborted) break;
    using limit = limitTime(tools.stops, {
      normallyMs: timeoutMs * share,
      stopTimeoutMs: config.stop.timeoutMs,
      share,
    });
    try {
      const home = await tools.open(place);
      const inside = place.kind === 'inside';
      const target = { folder: inside ? '' : folder, inside, leaveOut, home, signal: limit.signal };
      const saved = await storeUntilSaved(config, target, tools);
      return { ...saved, faults };
    } catch (error) {
      faults.push(errorText(error));
      tools.log.error({ err: error }, 'the archive could not be saved there');
    }
  }
  return { how: 'not-saved', faults };
}

interface Target {
  readonly folder: string;
  /** The archive is written among the files that it holds. */
  readonly inside: boolean;
  readonly leaveOut: readonly string[];
  readonly home: Destination;
  readonly signal: AbortSignal;
}

/** Tries until it is saved, its time is over, or trying again cannot help. */
async function storeUntilSaved(
  config: Config,
  target: Target,
  tools: SaveTools,
): Promise<Omit<SavedArchive, 'faults'>> {
  const { home, signal } = target;
  const startMs = performance.now();
  const measure = () => survey(selectionOf(config, target.leaveOut), signal);
  let [n, expected] = await Promise.all([firstFree(config, target), measure()]);
  for (let tries = 1; ; tries++) {
    const reportKey = keyOf(target.folder, reportName(n));
    try {
      await tools.onNames?.(keyOf(target.folder, nthName(config.save.archiveName, n)), reportKey);
      const { receipt, summary } = await storeOnce(config, target, expected, n, tools);
      return {
        how: 'archive',
        destination: home,
        receipt,
        summary,
        reportKey,
        tries,
        ms: performance.now() - startMs,
      };
    } catch (error) {
      if (signal.aborted || error instanceof RefusedError || isBug(error)) throw error;
      if (error instanceof AlreadyThereError) {
        n += 1;
        continue;
      }
      tools.log.warn({ err: error, tries }, 'a try to save the archive failed, and will be repeated');
      await setTimeout(pauseMs(tries), undefined, { signal });
      expected = await measure();
    }
  }
}

async function storeOnce(
  config: Config,
  { folder, inside, leaveOut, home, signal }: Target,
  expected: Survey,
  n: number,
  tools: SaveTools,
) {
  const { codec, gzipLevel, archiveName, stallMs } = config.save;
  const name = nthName(archiveName, n);
  const itself = inside ? [join(config.workdir, name), join(config.workdir, `${name}.part`)] : [];
  const packing = pack({
    selection: selectionOf(config, [...leaveOut, ...itself]),
    codec,
    level: gzipLevel,
    chunkBytes: home.chunkBytes(expected.archiveBytes),
    threads: compressionThreads(),
    signal,
  });
  using _ = tools.progress.show(expected, packing.progress);
  const receipt = await home.store(keyOf(folder, name), packing.chunks, {
    signal,
    stallMs,
    onStored: packing.giveBack,
  });
  return { receipt, summary: packing.summary() };
}

function selectionOf({ workdir, save }: Config, leaveOut: readonly string[]): Selection {
  return { root: workdir, include: save.include, exclude: save.exclude, leaveOut };
}

/** An archive that is there already is never overwritten: the next free name is taken. */
async function firstFree(config: Config, { folder, home, signal }: Target): Promise<number> {
  for (let n = 1; ; n++) {
    const taken = await home.exists(keyOf(folder, nthName(config.save.archiveName, n)), signal);
    if (taken !== true) return n;
  }
}

/** A fault of the program would be there again. */
function isBug(error: unknown): boolean {
  return error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
}

/** From a second to half a minute, so that a store that is down is not pressed. */
function pauseMs(tries: number): number {
  return Math.min(1_000 * 2 ** (tries - 1), 30_000) * (0.5 + Math.random() / 2);
}
