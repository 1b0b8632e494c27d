import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../files/atomic-write.ts';
import { unlessMissing } from '../files/errno.ts';
import { withLock } from './lock.ts';
import { StartFault } from './start-fault.ts';

const SECRET_BYTES = 32;
/** In base64url. */
const SECRET_CHARACTERS = Math.ceil((SECRET_BYTES * 4) / 3);

/**
 * The secret that signs cookies, from the state folder: it survives a restart, so that cookies stay valid. The first
 * call creates it; instances that start at the same moment get the same one.
 * @throws {StartFault} when what is there is no secret
 */
export async function loadOrCreateSecret(stateFolder: string): Promise<string> {
  const file = join(stateFolder, 'secret');
  const load = async () => checked(file, await unlessMissing(readFile(file, 'utf8')));
  return (await load()) ?? withLock(`${file}.lock`, async () => (await load()) ?? create(file));
}

/** What a full disk, or an editor, has left is no secret: cookies that anybody can sign would be good. */
function checked(file: string, secret: string | undefined): string | undefined {
  if (secret === undefined || secret.length >= SECRET_CHARACTERS) return secret;
  throw new StartFault(
    `${file} holds no secret, but ${secret.length} characters: delete it, and a new one is made, with which the ` +
      'cookies of before are not good any more',
  );
}

async function create(file: string): Promise<string> {
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  await writeAtomically(file, [Buffer.from(secret)], { replace: false, mode: 0o600 });
  return secret;
}
