import { writev } from 'node:fs';
import { promisify } from 'node:util';
import { orAborted } from '../runtime/abort.ts';
import { SLOTS, slotOffset } from './shared-slots.ts';

const write = promisify(writev);

/** Cuts an archive into chunks, each in a slot of its own. */
export interface SlotWriter {
  /** Waits where no slot is free. */
  put(pieces: readonly Buffer[]): Promise<void>;
  /** A chunk has been read. */
  free(slot: number): void;
  /** Hands over the last chunk. */
  end(): void;
}

/**
 * @param fd see shared-slots.ts
 * @param onChunk called with each chunk that is complete, in their order
 */
export function createSlotWriter(
  fd: number,
  chunkBytes: number,
  onChunk: (slot: number, bytes: number) => void,
  signal: AbortSignal,
): SlotWriter {
  const free = Array.from({ length: SLOTS }, (_, slot) => slot);
  let freed = Promise.withResolvers<void>();
  let slot: number | undefined;
  let used = 0;

  async function nextSlot(): Promise<number> {
    for (;;) {
      const next = free.shift();
      if (next !== undefined) return next;
      freed = Promise.withResolvers();
      await orAborted(freed.promise, signal);
    }
  }

  function handOver(): void {
    if (slot !== undefined && used > 0) onChunk(slot, used);
    slot = undefined;
    used = 0;
  }

  return {
    async put(pieces) {
      for (let left = pieces.filter(piece => piece.length > 0); left.length > 0; ) {
        slot ??= await nextSlot();
        const fitting = firstBytes(left, chunkBytes - used);
        const { bytesWritten } = await write(fd, fitting, slotOffset(slot, chunkBytes) + used);
        used += bytesWritten;
        left = withoutFirst(left, bytesWritten);
        if (used === chunkBytes) handOver();
      }
    },
    free(slot) {
      free.push(slot);
      freed.resolve();
    },
    end: handOver,
  };
}

/** So many bytes of the pieces, or all. */
function firstBytes(pieces: readonly Buffer[], bytes: number): Buffer[] {
  const first: Buffer[] = [];
  let room = bytes;
  for (const piece of pieces) {
    if (room === 0) break;
    first.push(piece.subarray(0, room));
    room -= Math.min(room, piece.length);
  }
  return first;
}

/** What is left of the pieces after so many bytes. */
function withoutFirst(pieces: readonly Buffer[], bytes: number): Buffer[] {
  let done = bytes;
  const left: Buffer[] = [];
  for (const piece of pieces) {
    if (done < piece.length) left.push(piece.subarray(done));
    done = Math.max(0, done - piece.length);
  }
  return left;
}
