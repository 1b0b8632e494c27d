import { statfs } from 'node:fs/promises';
import type { SessionConfig } from '../config/session-config.ts';
import { existingFolder } from '../files/existing-folder.ts';
import { bytesText } from '../runtime/text.ts';

interface Room {
  readonly isEnough: boolean;
  readonly text: string;
}

const GIB = 1024 ** 3;
const ROOM_FILES = 10_000;

/** Whether a disk has room for a session. @param bytes at least */
async function checkRoom(folder: string, bytes: number): Promise<Room> {
  const { bavail, bsize, files, ffree } = await statfs((await existingFolder(folder)).at);
  const free = bytesText(bavail * bsize);
  // File systems without a limit on files have none.
  if (files > 0 && ffree < ROOM_FILES)
    return {
      isEnough: false,
      text: `${folder} has room for ${ffree} files only: make room for ${ROOM_FILES} at least`,
    };
  return bavail * bsize < bytes
    ? { isEnough: false, text: `${folder} has only ${free} free: make room for ${bytes / GIB} GiB at least` }
    : { isEnough: true, text: `${free} free` };
}

export function checkWorkdirRoom(workdir: string): Promise<Room> {
  return checkRoom(workdir, GIB);
}

/** A journal stays until the archive beside it is whole: at the end there are two of everything. */
export async function checkDestinationRoom(folder: string, { journal }: SessionConfig): Promise<Room> {
  if (journal.intervalMs === undefined) return checkRoom(folder, GIB);
  const { isEnough, text } = await checkRoom(folder, 2 * GIB);
  const needs = 'the journal and the archive are both there at the end, up to twice what the session leaves';
  return { isEnough, text: `${text}; ${needs}` };
}
