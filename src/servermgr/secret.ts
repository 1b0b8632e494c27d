import { randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The secret that signs cookies: made once, and kept in the state folder, so that a restart knows its visitors. Of two
 * instances that start at the same moment, both take the first one's.
 */
export async function keptSecret(stateFolder: string): Promise<string> {
  const file = join(stateFolder, 'secret');
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, randomBytes(32).toString('base64url'), { mode: 0o600 });
  try {
    await link(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft);
  }
  return readFile(file, 'utf8');
}
