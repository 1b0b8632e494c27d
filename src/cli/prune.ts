import { randomUUID } from 'node:crypto';
import { hostname, tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { readCatalogue } from '../catalogue/catalogue.ts';
import type { CatalogueEntry } from '../catalogue/entry.ts';
import type { SessionConfig } from '../config/session-config.ts';
import { type FoundJournal, findJournals } from '../journal/reader/find.ts';
import { EXIT_DENIED, EXIT_NOT_SAVED, EXIT_NOT_THERE } from '../runtime/exit-codes.ts';
import { bytesText, jsonLine, printable } from '../runtime/text.ts';
import { isSavedAlready } from '../save/recovery-report.ts';
import { faultText } from '../store/fault-text.ts';
import { openStore } from '../store/open.ts';
import { printRetries } from '../store/retry-log.ts';
import { DeniedError, type Store } from '../store/store.ts';
import { findOldUploads } from '../verify/destination.ts';
import { verifySession } from '../verify/session.ts';
import { parseArguments } from './arguments.ts';
import type { CommandInput, RunCommand } from './command.ts';
import { folderFault, reportFault } from './look-faults.ts';
import { recoverOne } from './recover-one.ts';
import { findLeftovers, removeLeftover } from './scratch.ts';
import { configFor } from './session-url.ts';

const OPTIONS = {
  yes: { type: 'boolean', default: false },
  scratch: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

/** Something that nobody needs any more. */
interface Prunable {
  readonly kind: 'journal' | 'upload' | 'scratch';
  readonly url: string;
  /** undefined: that is not known. */
  readonly bytes: number | undefined;
  /** A sentence. */
  readonly why: string;
  /** @throws when it cannot be deleted */
  readonly remove: () => Promise<void>;
}

/** Something that stays, of which a person has to know. */
interface Left {
  readonly kind: 'left';
  /** A sentence. */
  readonly text: string;
  /** The exit code that it leads to. */
  readonly code: number;
}

interface Place {
  readonly destination: Store;
  readonly config: SessionConfig;
  readonly input: CommandInput;
}

/** Tells what may go at a destination, and why; or deletes it. */
export const prune: RunCommand = async input => {
  const { env, cwd, args, printError, signals } = input;
  try {
    const { values, positionals } = parseArguments(args, OPTIONS, ['<destination>']);
    const config = configFor(positionals[0] ?? '', env, cwd);
    const fault = await folderFault(config.save.destination);
    if (fault !== undefined) {
      printError(fault);
      return EXIT_NOT_THERE;
    }
    const { s3, destination: place } = config.save;
    const destination = await openStore(place, { s3, ...printRetries(printError) });
    try {
      let [code, count, bytes] = [0, 0, 0];
      const prunables = findPrunables(
        { destination, config, input },
        resolve(cwd, values.scratch ?? tmpdir()),
      );
      for await (const found of prunables) {
        if (found.kind === 'left') {
          printError(printable(found.text));
          code ||= found.code;
          continue;
        }
        count += 1;
        bytes += found.bytes ?? 0;
        try {
          if (values.yes) await found.remove();
          print(found, values, input);
        } catch (error) {
          signals.stopRequested.throwIfAborted();
          printError(`${printable(found.url)} was not deleted: ${printable(faultText(error))}`);
          code = EXIT_NOT_SAVED;
        }
      }
      const what = `${count} ${count === 1 ? 'thing' : 'things'}, ${bytesText(bytes)}`;
      printError(
        values.yes ? `${what}` : count === 0 ? 'nothing may go' : `${what} may go: --yes deletes them`,
      );
      return code;
    } finally {
      destination.close();
    }
  } catch (error) {
    return reportFault(error, 'prune', input);
  }
};

function print(
  { kind, url, bytes, why }: Prunable,
  { yes, json }: { readonly yes: boolean; readonly json: boolean },
  { print: write }: CommandInput,
): void {
  const size = bytes === undefined ? '' : `, ${bytesText(bytes)}`;
  write(
    json
      ? jsonLine({ kind, url, bytes: bytes ?? null, why, isDeleted: yes })
      : `${yes ? 'deleted' : 'would delete'} ${printable(url)}${size}: ${printable(why)}`,
  );
}

/** @param base where recoveries rebuild files meanwhile */
async function* findPrunables(place: Place, base: string): AsyncGenerator<Prunable | Left> {
  yield* journalsIn(place);
  try {
    yield* await uploadsIn(place);
  } catch (error) {
    if (!(error instanceof DeniedError)) throw error;
    yield {
      kind: 'left',
      text: `uploads that are left open were not looked for: ${faultText(error)}`,
      code: EXIT_DENIED,
    };
  }
  for (const folder of await findLeftovers(base, Date.now()))
    yield {
      ...{ kind: 'scratch', url: folder, bytes: undefined },
      why: 'a recovery that was killed has left it',
      remove: () => removeLeftover(folder),
    };
}

/**
 * Journals of sessions whose archives were read, and are what their reports tell. One that a recovery alone has saved is
 * left to `recover`, which may have to make the archive anew: here nothing is made.
 */
async function* journalsIn(place: Place): AsyncGenerator<Prunable | Left> {
  const { destination, input } = place;
  const signal = input.signals.stopRequested;
  const { entries, denied } = await readCatalogue(destination, { signal, nowMs: Date.now() });
  if (denied !== undefined) throw denied;
  for (const entry of entries) {
    if (entry.journals.length === 0) continue;
    const findings = await verifySession(destination, entry, { signal, onBytes: () => undefined });
    if (findings.length === 0 || findings.some(({ kind }) => kind !== 'journal-left')) continue;
    for (const { prefix, bytes } of entry.journals) {
      const url = `${destination.url}/${prefix}`;
      const journal = await findJournal(destination, prefix, signal);
      if (journal === undefined) continue;
      if (await isSavedAlready(destination, journal, signal))
        yield {
          ...{ kind: 'journal', url, bytes },
          why: 'its archive is whole, and what its report tells: it was read just now',
          remove: () => removeJournal(place, entry, prefix),
        };
      else
        yield {
          kind: 'left',
          text: `${url} stays, since a recovery has saved it, and not its session: craftassist-session recover ${entry.url} sees to it`,
          code: 0,
        };
    }
  }
}

async function findJournal(
  destination: Store,
  prefix: string,
  signal: AbortSignal,
): Promise<FoundJournal | undefined> {
  const found = await findJournals(destination, `${prefix}/`, signal);
  return found.find(each => each.prefix === prefix);
}

/** As `recover` deletes that of a saved session: on its own evidence, and not while somebody has it. */
async function removeJournal(
  { destination, config, input }: Place,
  { session }: CatalogueEntry,
  prefix: string,
): Promise<void> {
  const signal = input.signals.stopRequested;
  const journal = await findJournal(destination, prefix, signal);
  if (journal === undefined) return;
  const said: string[] = [];
  const quiet = { ...input, print: (text: string) => void said.push(text) };
  const code = await recoverOne(
    {
      // What is deleted is told here.
      ...{ config: { ...config, logLevel: 'silent' as const }, input: quiet, destination },
      taker: { by: randomUUID(), host: hostname() },
      ...{ all: true, force: false, 'dry-run': false, 'discard-damaged': false, saved: new Set() },
      makesNoArchive: true,
    },
    journal,
  );
  const left = await findJournal(destination, prefix, signal);
  if (code !== 0 || left !== undefined)
    throw new Error(`${session} was left alone: ${said.join('; ') || `recover ended with ${code}`}`);
}

async function uploadsIn({ destination, input }: Place): Promise<Prunable[]> {
  const signal = input.signals.stopRequested;
  const uploads = await findOldUploads(destination, { prefix: '', nowMs: Date.now(), signal });
  return uploads.map(({ key, modifiedMs }) => ({
    ...{ kind: 'upload', url: `${destination.url}/${key}`, bytes: undefined },
    why: `an upload that began ${new Date(modifiedMs).toISOString()} was never ended`,
    async remove() {
      // Somebody may have begun another one meanwhile.
      const still = await findOldUploads(destination, { prefix: key, nowMs: Date.now(), signal });
      if (!still.some(upload => upload.key === key)) throw new Error('somebody uploads there again');
      await destination.abortUploads(key, signal);
    },
  }));
}
