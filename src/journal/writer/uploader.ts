import { pause } from '../../runtime/abort.ts';
import { compressionThreads } from '../../runtime/cpus.ts';
import { checksum } from '../format/segment.ts';
import { acquirePrefix, putNext } from './put-segment.ts';
import { buildAhead } from './segment-ahead.ts';
import { advanceCoveredUntil, beginAnew, readUntilMs, type SegmentAhead, type WriterState } from './state.ts';
import { putHeartbeat } from './status.ts';

/** How many segments were stored; `anew`: a recovery has the journal, and another one has been begun, without a scan. */
export type UploadOutcome = number | 'anew';

/**
 * Uploads what the last scan has found, until nothing is left or its time is over, and returns when all that it has
 * read is stored, retrying until it is. The first segment is uploaded even if it is empty: it acquires the prefix.
 *
 * A segment is put once the one before it is stored: no reader ever sees a gap, and whoever puts the next number has the
 * journal. What can be done before that is done ahead, of several segments at once: they are read and compressed.
 */
export async function uploadChanges(
  state: WriterState,
  rewriteIntervalMs: number,
  isOver: () => boolean = () => false,
): Promise<UploadOutcome> {
  const { ahead } = state;
  let readUntil: number | undefined;
  let stored = 0;
  const build = async () => {
    const segment = await buildAhead(state, rewriteIntervalMs);
    if (segment === undefined) readUntil = readUntilMs(state.index);
    else ahead.push(segment);
  };
  const buildMore = async () => {
    while (readUntil === undefined && ahead.length < mayBeAhead(state) && !isOver()) await build();
  };
  await build();
  for (let next = ahead[0]; next !== undefined; next = ahead[0]) {
    const [isStored] = await Promise.all([store(state, next), buildMore()]);
    if (!isStored) {
      beginAnew(state);
      return 'anew';
    }
    stored += 1;
    await rest(state, REST * next.workMs());
    if (ahead.length === 0) await buildMore();
  }
  if (readUntil !== undefined) advanceCoveredUntil(state, readUntil);
  return stored;
}

/** Of the time that a segment takes, on a quarter of a core. */
const REST = 3;
const REST_SLICE_MS = 100;

/** Leaves the machine to others for so long, or until there is more of it to be had: a stop request may come. */
async function rest({ pace, cancelled }: WriterState, ms: number): Promise<void> {
  for (let leftMs = ms; leftMs > 0 && pace() === 'quarter-core'; leftMs -= REST_SLICE_MS)
    await pause(Math.min(leftMs, REST_SLICE_MS), cancelled.signal);
}

/** Of some 10 MiB each; reading, on one core, is as fast as so many others compress. */
const MAX_AHEAD = 4;

/**
 * How many segments may be read and not stored, the one that is being put included: as many as can be compressed at
 * once. As long as files are written to, these wait no longer than half an interval behind each other, so that what
 * is appended meanwhile is in one of the next two uploads whatever else waits.
 */
function mayBeAhead({ options, finishing, pace, putMs }: WriterState): number {
  if (pace() !== 'all-cores') return 1;
  const most = Math.max(2, Math.min(MAX_AHEAD, compressionThreads()));
  if (finishing.signal.aborted) return most;
  return Math.max(1, Math.min(most, Math.floor(options.intervalMs / 2 / putMs)));
}

/** @returns whether it is stored: otherwise a recovery has the journal */
async function store(state: WriterState, segment: SegmentAhead): Promise<boolean> {
  const { sequence } = segment;
  const object = await segment.encode(state.previousCrc);
  const startMs = performance.now();
  if (state.prefix === undefined) state.prefix = await acquirePrefix(state, object);
  else if (!(await putNext(state, state.prefix, sequence, object))) return false;
  state.putMs = performance.now() - startMs;
  state.ahead.shift();
  // A backlog is rare, and the room for it is not kept.
  state.tarBuffers.splice(Math.max(1, state.ahead.length));
  state.segments = sequence;
  state.previousCrc = checksum([object]);
  state.bytes += object.length;
  state.isEmpty &&= segment.isEmpty;
  advanceCoveredUntil(state, segment.coveredUntilMs);
  if (sequence === 1) putHeartbeat(state);
  return true;
}
