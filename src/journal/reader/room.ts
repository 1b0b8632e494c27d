import { statfs } from 'node:fs/promises';
import { existingFolder } from '../../files/existing-folder.ts';
import { bytesText } from '../../runtime/text.ts';

/** What is about to be written below a folder, which need not be there yet. */
export interface Need {
  readonly folder: string;
  /** For a person: what it is. */
  readonly what: string;
  readonly bytes: number;
  readonly files: number;
}

/** @throws when a disk has not the room for all that is to be written to it: with what is needed, where, and what to do */
export async function assertRoom(needs: readonly Need[]): Promise<void> {
  const placed = await Promise.all(
    needs.map(async need => ({ ...need, ...(await existingFolder(need.folder)) })),
  );
  for (const { dev, at } of placed) {
    const onDisk = placed.filter(other => other.dev === dev);
    const { bavail, bsize, files, ffree } = await statfs(at);
    const bytes = sum(onDisk.map(need => need.bytes));
    const inodes = sum(onDisk.map(need => need.files));
    const hasBytes = bavail * bsize >= bytes;
    // File systems without a limit on files have none.
    if (hasBytes && (files === 0 || ffree >= inodes)) continue;
    const list = onDisk
      .filter(need => (hasBytes ? need.files > 0 : need.bytes > 0))
      .map(need => `${amount(need, hasBytes)} for ${need.what} in ${need.folder}`)
      .join(' and ');
    const free = hasBytes ? `${ffree} files` : bytesText(bavail * bsize);
    throw new Error(
      `recovering needs ${list}, and there is room for ${free} on that disk: make room there, ` +
        'or name a folder on another disk with --scratch',
    );
  }
}

function amount({ bytes, files }: Need, inFiles: boolean): string {
  return inFiles ? `${files} files` : bytesText(bytes);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
