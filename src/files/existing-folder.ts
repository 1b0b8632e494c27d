import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isMissing } from './errno.ts';

/** The folder, or the next one above it that is there. */
export async function existingFolder(folder: string): Promise<{ readonly at: string; readonly dev: number }> {
  try {
    return { at: folder, dev: (await stat(folder)).dev };
  } catch (error) {
    if (!isMissing(error) || folder === dirname(folder)) throw error;
    return existingFolder(dirname(folder));
  }
}
