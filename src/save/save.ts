import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type PackSummary, pack } from '../archive/pack.ts';
import { type Survey, survey } from '../archive/walk.ts';
import type { DestinationUrl, SessionConfig } from '../config/session-config.ts';
import type { Selection } from '../files/selection.ts';
import { compressionThreads } from '../runtime/cpus.ts';
import { startDeadline } from '../runtime/deadline.ts';
import type { Log } from '../runtime/log.ts';
import type { Progress } from '../runtime/progress.ts';
import type { Signals } from '../runtime/signals.ts';
import { errorText } from '../runtime/text.ts';
import { AlreadyExistsError, PermanentError, type Receipt, type Store } from '../store/store.ts';
import { keyOf, nthName, reportName } from './archive-name.ts';

export interface SaveTools {
  readonly log: Log;
  readonly signals: Signals;
  readonly open: (place: DestinationUrl) => Promise<Store>;
  readonly progress: Progress;
  /** Told the names that the archive and its report are about to take. */
  readonly onNames?: (archiveKey: string, reportKey: string) => Promise<void>;
}

export interface SavedArchive {
  readonly how: 'archive';
  readonly destination: Store;
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
  config: SessionConfig,
  folder: string,
  excludedPaths: readonly string[],
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
    if (tools.signals.aborted.aborted) break;
    using limit = startDeadline(tools.signals, {
      defaultMs: timeoutMs * share,
      stopTimeoutMs: config.stop.timeoutMs,
      shutdownShare: share,
    });
    try {
      const home = await tools.open(place);
      const inside = place.kind === 'inside';
      const target = {
        folder: inside ? '' : folder,
        inside,
        excludedPaths: excludedPaths,
        home,
        signal: limit.signal,
      };
      const saved = await storeUntilSaved(config, target, tools);
      return { ...saved, faults };
    } catch (error) {
      faults.push(errorText(error));
      tools.log.error({ event: 'archive_failed', err: error }, 'archive not saved');
    }
  }
  return { how: 'not-saved', faults };
}

interface Target {
  readonly folder: string;
  /** The archive is written among the files that it holds. */
  readonly inside: boolean;
  readonly excludedPaths: readonly string[];
  readonly home: Store;
  readonly signal: AbortSignal;
}

/** Tries until it is saved, its time is over, or trying again cannot help. */
async function storeUntilSaved(
  config: SessionConfig,
  target: Target,
  tools: SaveTools,
): Promise<Omit<SavedArchive, 'faults'>> {
  const { home, signal } = target;
  const startMs = performance.now();
  const measure = () => survey(selectionOf(config, target.excludedPaths), signal);
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
      if (signal.aborted || error instanceof PermanentError || isBug(error)) throw error;
      if (error instanceof AlreadyExistsError) {
        n += 1;
        continue;
      }
      tools.log.warn(
        { event: 'archive_retry', err: error, attempt: tries },
        `archive attempt ${tries} failed, retrying`,
      );
      await setTimeout(pauseMs(tries), undefined, { signal });
      expected = await measure();
    }
  }
}

async function storeOnce(
  config: SessionConfig,
  { folder, inside, excludedPaths, home, signal }: Target,
  expected: Survey,
  n: number,
  tools: SaveTools,
) {
  const { codec, gzipLevel, archiveName, stallMs } = config.save;
  const name = nthName(archiveName, n);
  const itself = inside ? [join(config.workdir, name), join(config.workdir, `${name}.part`)] : [];
  const packing = pack({
    selection: selectionOf(config, [...excludedPaths, ...itself]),
    codec,
    level: { min: gzipLevel, max: gzipLevel },
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

function selectionOf({ workdir, save }: SessionConfig, excludedPaths: readonly string[]): Selection {
  return { root: workdir, include: save.include, exclude: save.exclude, excludedPaths };
}

/** An archive that is there already is never overwritten: the next free name is taken. */
async function firstFree(config: SessionConfig, { folder, home, signal }: Target): Promise<number> {
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
