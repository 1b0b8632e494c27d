import { randomUUID } from 'node:crypto';
import { type FileHandle, open, statfs, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorText } from '../runtime/text.ts';

/** One is filled while the other is read. */
export const SLOTS = 2;

/**
 * A file for two processes, in which each slot holds one chunk: chunks go through it whole, without the many wake-ups
 * that a pipe's 64 KiB take. It has no name, and is gone with the last process that has it open.
 * @throws {Error} when there is no room for it
 */
export async function openSlots(chunkBytes: number): Promise<FileHandle> {
  const faults: string[] = [];
  // Files in shared memory never reach a disk; containers may have little of it.
  for (const folder of ['/dev/shm', tmpdir()]) {
    try {
      const { bavail, bsize } = await statfs(folder);
      if (bavail * bsize < SLOTS * chunkBytes) throw new Error(`${folder} is full`);
      const path = join(folder, `craftassist-${randomUUID()}`);
      const file = await open(path, 'wx+', 0o600);
      await unlink(path).catch(async (error: unknown) => {
        await file.close();
        throw error;
      });
      return file;
    } catch (error) {
      faults.push(errorText(error));
    }
  }
  throw new Error(`nowhere to hand over what it packs: ${faults.join('; ')}`);
}

/** Where a slot begins. */
export function slotOffset(slot: number, chunkBytes: number): number {
  return slot * chunkBytes;
}
