import { createHash } from 'node:crypto';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as v from 'valibot';
import type { CatalogueEntry } from '../catalogue/entry.ts';
import { unlessMissing } from '../files/errno.ts';
import { readRegularFile } from '../files/open.ts';

/** Which sessions were found whole, so that a run that was cut off is gone on with. */
export interface Passed {
  has(entry: CatalogueEntry): boolean;
  /** @throws when the disk does not take it */
  add(entry: CatalogueEntry): Promise<void>;
}

const Line = v.pipe(v.string(), v.parseJson(), v.tuple([v.string(), v.string()]));

/**
 * Opens the file of what has passed, or begins it anew.
 * @param isResumed whether what has passed before counts
 */
export async function openPassed(file: string, isResumed: boolean): Promise<Passed> {
  const passed = new Map<string, string>();
  const text = isResumed ? (await unlessMissing(readRegularFile(file)))?.toString() : undefined;
  for (const line of (text ?? '').split('\n')) {
    const read = v.safeParse(Line, line);
    // The last line may have been cut off.
    if (read.success) passed.set(...read.output);
  }
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  if (text === undefined) await writeFile(file, '', { mode: 0o600 });
  return {
    has: entry => passed.get(identityOf(entry)) === stateOf(entry),
    async add(entry) {
      passed.set(identityOf(entry), stateOf(entry));
      await appendFile(file, `${JSON.stringify([identityOf(entry), stateOf(entry)])}\n`);
    },
  };
}

function identityOf({ url, report, archive }: CatalogueEntry): string {
  return [url, report?.key, archive?.key].join(' ');
}

/** Differs when anything of it has changed. */
function stateOf({ archive, report, journals, state }: CatalogueEntry): string {
  return createHash('sha256')
    .update(JSON.stringify([archive, report, journals, state]))
    .digest('base64url')
    .slice(0, 22);
}
