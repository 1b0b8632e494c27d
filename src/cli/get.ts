import { mkdir, readdir, rename } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { CatalogueEntry } from '../catalogue/entry.ts';
import { readArchive } from '../catalogue/read-archive.ts';
import { unlessMissing } from '../files/errno.ts';
import { recoverJournal } from '../journal/reader/rebuild.ts';
import { EXIT_DAMAGED, EXIT_NOT_THERE } from '../runtime/exit-codes.ts';
import { bytesText, printable } from '../runtime/text.ts';
import type { Store, StoredObject } from '../store/store.ts';
import { DamagedArchiveError } from '../unpack/decode.ts';
import { type Extracted, extract } from '../unpack/extract.ts';
import { parseArguments, UsageError } from './arguments.ts';
import { chooseRun } from './choose-run.ts';
import type { CommandInput, RunCommand } from './command.ts';
import { findSession } from './find-session.ts';
import { reportFault } from './look-faults.ts';
import { entriesOf, lastJournal } from './read-content.ts';
import { configFor } from './session-url.ts';

/** Unpacks what a session recorded, out of its archive, or of its journal where there is no archive. */
export const get: RunCommand = async input => {
  const { env, cwd, args, printError } = input;
  try {
    const { positionals } = parseArguments(args, {}, ['<session>', '<folder>']);
    const [url = '', given = ''] = positionals;
    const folder = resolve(cwd, given);
    for (const each of [folder, partOf(folder)]) await assertEmpty(each);
    const found = await findSession(configFor(url, env, cwd), input);
    try {
      const entry = chooseRun(url, found, input);
      if (entry === undefined) return EXIT_NOT_THERE;
      const { archive } = entry;
      if (archive !== undefined)
        return await unpackArchive(found.destination, { ...entry, archive }, folder, input);
      if (entry.journals.length > 0) return await rebuild(found.destination, entry, folder, input);
      printError(`nothing of it is there to get: see craftassist-session show ${printable(url)}`);
      return EXIT_NOT_THERE;
    } finally {
      found.destination.close();
    }
  } catch (error) {
    return reportFault(error, 'get', input);
  }
};

/** Where it is unpacked until it is whole. */
function partOf(folder: string): string {
  return `${folder}.part`;
}

async function assertEmpty(folder: string): Promise<void> {
  const names = await unlessMissing(readdir(folder));
  if (names !== undefined && names.length > 0)
    throw new UsageError(
      `${printable(folder)} is not empty: name a folder that is not there yet, or remove that one`,
    );
}

/** What came of a damaged archive stays in `<folder>.part`. */
async function unpackArchive(
  destination: Store,
  entry: CatalogueEntry & { readonly archive: StoredObject },
  folder: string,
  input: CommandInput,
): Promise<number> {
  const { signals, print, printError } = input;
  const signal = signals.stopRequested;
  const { archive } = entry;
  const part = partOf(folder);
  await mkdir(part, { recursive: true });
  const reading = readArchive(destination, archive.key, signal);
  let files = 0;
  const counted = {
    async *[Symbol.asyncIterator]() {
      for await (const each of entriesOf(reading, entry)) {
        files += 1;
        yield each;
      }
    },
  };
  let extracted: Extracted;
  {
    using _ = await showProgress(input, archive.bytes, () => {
      const bytesRead = reading.bytesRead();
      return { files, bytesRead, bytesOut: bytesRead };
    });
    try {
      extracted = await extract(counted, { folder: part, signal });
    } catch (error) {
      if (!(error instanceof DamagedArchiveError)) throw error;
      printError(`${printable(error.message)}: what came before that is in ${printable(part)}`);
      return EXIT_DAMAGED;
    }
  }
  await mkdir(dirname(folder), { recursive: true });
  await rename(part, folder);
  print(
    `${extracted.files} files, ${bytesText(extracted.bytes)}, from ${printable(`${destination.url}/${archive.key}`)}`,
  );
  for (const { path, why } of extracted.refused) printError(`left out: ${printable(`${path}`)} ${why}`);
  return extracted.refused.length > 0 ? EXIT_DAMAGED : 0;
}

async function showProgress(
  { terminal, stdout }: CommandInput,
  bytes: number,
  counts: () => { files: number; bytesRead: number; bytesOut: number },
): Promise<Disposable> {
  if (!terminal) return { [Symbol.dispose]: () => undefined };
  const { createProgressBar } = await import('../runtime/progress-bar.ts');
  return createProgressBar(stdout, 'reading').start({ files: 0, bytes }, counts);
}

/** As far as the journal goes. Nothing changes at the destination: the session may run. */
async function rebuild(
  destination: Store,
  entry: CatalogueEntry,
  folder: string,
  { signals, print, printError }: CommandInput,
): Promise<number> {
  const journal = lastJournal(entry);
  if (journal === undefined) throw new Error('there is no journal to read');
  const { prefix } = journal;
  const rebuilt = await recoverJournal({ destination, prefix, folder, signal: signals.stopRequested });
  print(
    `${rebuilt.files} files, ${bytesText(rebuilt.bytes)}, out of the journal ${printable(`${destination.url}/${prefix}`)}, ` +
      `covered until ${rebuilt.coveredUntil ?? 'a time that is not known'}`,
  );
  for (const { segment, why } of rebuilt.problems) printError(printable(`${segment} of the journal: ${why}`));
  return rebuilt.problems.length > 0 ? EXIT_DAMAGED : 0;
}
