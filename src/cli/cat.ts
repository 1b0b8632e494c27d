import { tmpdir } from 'node:os';
import { readArchive } from '../catalogue/read-archive.ts';
import { chooser } from '../files/selection.ts';
import { withinDates } from '../files/times.ts';
import { EXIT_DAMAGED, EXIT_NOT_THERE } from '../runtime/exit-codes.ts';
import { bytesText, jsonLine, printable } from '../runtime/text.ts';
import { DamagedArchiveError } from '../unpack/decode.ts';
import type { ArchivedEntry, ContentPiece } from '../unpack/read-tar.ts';
import { parseArguments, UsageError } from './arguments.ts';
import { chooseRun } from './choose-run.ts';
import type { CommandInput, RunCommand } from './command.ts';
import { type FoundSession, findSession } from './find-session.ts';
import { reportFault } from './look-faults.ts';
import { entriesOf, indexedEntries, lastJournal, readRebuilt } from './read-content.ts';
import { configFor } from './session-url.ts';

const OPTIONS = { list: { type: 'boolean' }, json: { type: 'boolean' } } as const;

/** Prints files of a session out of its archive, or its journal; or lists what there is. */
export const cat: RunCommand = async input => {
  const { env, cwd, args, printError } = input;
  try {
    const { values, positionals } = parseArguments(args, OPTIONS, ['<session>', '[file]']);
    const [url = '', file] = positionals;
    const { json = false, list = file === undefined } = values;
    if (json && !list) throw new UsageError('--json is for --list');
    const found = await findSession(configFor(url, env, cwd), input);
    try {
      const entries = await contentOf(url, found, input);
      if (entries === undefined) return EXIT_NOT_THERE;
      const wanted = wantedFiles(file);
      const count = list
        ? await listEntries(entries, wanted, json, input)
        : await printFiles(entries, wanted, input);
      if (count > 0 || file === undefined) return 0;
      printError(missingText(file, wanted));
      return EXIT_NOT_THERE;
    } finally {
      found.destination.close();
    }
  } catch (error) {
    if (!(error instanceof DamagedArchiveError)) return reportFault(error, 'cat', input);
    printError(`${printable(error.message)}: what came before that is above`);
    return EXIT_DAMAGED;
  }
};

/** @returns undefined, and why is printed: there is nothing to read */
async function contentOf(
  url: string,
  found: FoundSession,
  input: CommandInput,
): Promise<AsyncGenerator<ArchivedEntry, void> | undefined> {
  const entry = chooseRun(url, found, input);
  if (entry === undefined) return undefined;
  const { printError, signals } = input;
  const { destination } = found;
  const signal = signals.stopRequested;
  const onProblem = (text: string) => printError(printable(text));
  if (entry.archive !== undefined)
    return (
      (await indexedEntries(destination, entry, { signal, onProblem })) ??
      entriesOf(readArchive(destination, entry.archive.key, signal), entry)
    );
  const journal = lastJournal(entry);
  if (journal !== undefined) return readRebuilt(destination, journal, { base: tmpdir(), signal, onProblem });
  printError(`nothing of it is there to read: see craftassist-session show ${printable(url)}`);
  return undefined;
}

interface Wanted {
  includes(path: string): boolean;
  /** Nothing else can be meant once that is found. */
  readonly isOne: boolean;
  /** Paths that end in the same name, and may be meant. */
  readonly alike: string[];
}

const GLOB = /[*?[\]{}!()]/;
const MAX_ALIKE = 3;

/** @param file a path, or a glob as in SESSION_INCLUDE; undefined: everything */
function wantedFiles(file: string | undefined): Wanted {
  if (file === undefined) return { includes: () => true, isOne: false, alike: [] };
  if (GLOB.test(file)) {
    const { includes } = chooser({ root: '/', include: [file], exclude: [], excludedPaths: [] });
    return { includes, isOne: false, alike: [] };
  }
  const wanted = tidy(file);
  const name = wanted.slice(wanted.lastIndexOf('/') + 1);
  const alike: string[] = [];
  const includes = (path: string) => {
    if (path === wanted) return true;
    if (alike.length < MAX_ALIKE && path.slice(path.lastIndexOf('/') + 1) === name) alike.push(path);
    return false;
  };
  return { includes, isOne: true, alike };
}

function missingText(file: string, { alike }: Wanted): string {
  const hint =
    alike.length > 0 ? `there is ${alike.map(printable).join(', ')}` : '--list prints what there is';
  return `there is no file ${printable(file)} in it: ${hint}`;
}

/** As `tar -C folder .` writes them, and as people do. */
function tidy(path: string): string {
  return path.replace(/^(?:\.?\/)+(?=.)/, '').replace(/(?<=.)\/+$/, '');
}

async function listEntries(
  entries: AsyncIterable<ArchivedEntry>,
  { includes }: Wanted,
  json: boolean,
  { print }: CommandInput,
): Promise<number> {
  let count = 0;
  for await (const { type, path, size, mode, mtimeMs, target } of entries) {
    const text = tidy(path.toString());
    if (!includes(text)) continue;
    count += 1;
    const modified = new Date(withinDates(mtimeMs)).toISOString();
    if (json) {
      print(jsonLine({ path: text, type, bytes: size, mode, modified, target: target?.toString() }));
      continue;
    }
    const leads = target === undefined ? '' : ` -> ${printable(target.toString())}`;
    const when = modified.slice(0, 19).replace('T', ' ');
    print(`${SIGNS[type]} ${bytesText(size).padStart(8)}  ${when}  ${printable(text)}${leads}`);
  }
  return count;
}

/** As ls(1) has them. */
const SIGNS: Readonly<Record<ArchivedEntry['type'], string>> = {
  ...{ file: '-', directory: 'd', link: 'l', 'hard-link': 'h', special: 'c' },
};

async function printFiles(
  entries: AsyncIterable<ArchivedEntry>,
  { includes, isOne }: Wanted,
  { write, stdout }: CommandInput,
): Promise<number> {
  let count = 0;
  for await (const { type, path, size, content } of entries) {
    if (type !== 'file' || !includes(tidy(path.toString()))) continue;
    count += 1;
    for await (const bytes of withHoles(content, size)) {
      await write(bytes);
      // Whoever read it has seen enough.
      if (stdout.takeLoss() !== undefined) return count;
    }
    if (isOne) break;
  }
  return count;
}

const ZEROS = Buffer.alloc(65_536);

/** What lies between the pieces of a sparse file are zeros. */
async function* withHoles(content: AsyncIterable<ContentPiece>, size: number): AsyncGenerator<Buffer> {
  let at = 0;
  for await (const { offset, bytes } of content) {
    yield* zeros(offset - at);
    yield bytes;
    at = offset + bytes.length;
  }
  yield* zeros(size - at);
}

function* zeros(count: number): Generator<Buffer> {
  for (let left = count; left > 0; left -= ZEROS.length) yield ZEROS.subarray(0, left);
}
