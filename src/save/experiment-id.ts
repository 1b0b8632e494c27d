import { join } from 'node:path';
import { isMissing } from '../files/errno.ts';
import { openRegularFile } from '../files/open.ts';
import { errorText } from '../runtime/text.ts';

export interface SessionFolder {
  /** The folder of the session's key: `[turk/<id>/]<TIMESTAMP>`. */
  readonly folder: string;
  /** Why the id of the crowd-sourcing experiment was left out of the key. */
  readonly notice: string | undefined;
}

const ID_FILE = 'turk_experiment_id.txt';

/** Where a session's objects go below its destination, as its working directory says at this moment. */
export async function sessionFolder(workdir: string, timestamp: string): Promise<SessionFolder> {
  const read = await readId(join(workdir, ID_FILE));
  if (read === undefined) return { folder: timestamp, notice: undefined };
  if ('fault' in read) {
    return { folder: timestamp, notice: `${ID_FILE} ${read.fault}: the key does without it` };
  }
  return { folder: `turk/${read.id}/${timestamp}`, notice: undefined };
}

async function readId(path: string): Promise<{ id: string } | { fault: string } | undefined> {
  try {
    await using file = await openRegularFile(path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, 0);
    const id = buffer.toString('utf8', 0, bytesRead).trim();
    const isId = /^[A-Za-z0-9._-]{1,128}$/.test(id) && id !== '.' && id !== '..';
    return isId ? { id } : { fault: 'holds no id of 1 to 128 characters of A-Z, a-z, 0-9, ".", "_" and "-"' };
  } catch (error) {
    return isMissing(error) ? undefined : { fault: `cannot be read (${errorText(error)})` };
  }
}

const MAX_BYTES = 1_024;
