import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../files/atomic-write.ts';
import { unlessMissing } from '../files/errno.ts';
import { withLock } from './lock.ts';

/**
 * The secret that signs cookies, from the state folder: it survives a restart, so that cookies stay valid. The first
 * call creates it; instances that start at the same moment get the same one.
 */
export async function loadOrCreateSecret(stateFolder: string): Promise<string> {
  const file = join(stateFolder, 'secret');
  const load = () => unlessMissing(readFile(file, 'utf8'));
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  return (await load()) ?? withLock(`${file}.lock`, async () => (await load()) ?? create(file));
}

async function create(file: string): Promise<string> {
  const secret = randomBytes(32).toString('base64url');
  await writeAtomically(file, [Buffer.from(secret)], { replace: false, mode: 0o600 });
  return secret;
}
