import { join } from 'node:path';
import { EXPERIMENT_RULE, isExperimentId } from '../config/key-template.ts';
import { isMissing } from '../files/errno.ts';
import { openRegularFile } from '../files/open.ts';
import { within } from '../runtime/abort.ts';
import { errorText } from '../runtime/text.ts';

/** The crowd-sourcing experiment that a session is part of. */
export interface Experiment {
  /** undefined: none, or none that is known. */
  readonly id: string | undefined;
  /** Why what the working directory says of it does not count. */
  readonly notice: string | undefined;
}

const ID_FILE = 'turk_experiment_id.txt';
const MAX_BYTES = 1_024;
const READ_MS = 2_000;

/**
 * The experiment that a working directory names at this moment.
 * @param otherwise the id that holds where it names none
 */
export async function readExperiment(workdir: string, otherwise: string | undefined): Promise<Experiment> {
  const read = await within(READ_MS, readId(join(workdir, ID_FILE)));
  if (read === 'missing') return { id: otherwise, notice: undefined };
  if (read !== undefined && 'id' in read) return { id: read.id, notice: undefined };
  const used = otherwise === undefined ? 'the key does without it' : `the key has ${otherwise} in its place`;
  const fault = read?.fault ?? `cannot be read (its disk does not answer for ${READ_MS / 1_000} s)`;
  return { id: otherwise, notice: `${ID_FILE} ${fault}: ${used}` };
}

async function readId(path: string): Promise<{ id: string } | { fault: string } | 'missing'> {
  try {
    await using file = await openRegularFile(path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, 0);
    const id = buffer.toString('utf8', 0, bytesRead).trim();
    return isExperimentId(id) ? { id } : { fault: `holds ${EXPERIMENT_RULE}` };
  } catch (error) {
    return isMissing(error) ? 'missing' : { fault: `cannot be read (${errorText(error)})` };
  }
}
