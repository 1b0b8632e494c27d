import { cacheFile } from '../catalogue/cache.ts';
import { type Catalogue, readCatalogue } from '../catalogue/catalogue.ts';
import type { CatalogueEntry } from '../catalogue/entry.ts';
import { select } from '../catalogue/select.ts';
import { mapConcurrently } from '../runtime/concurrency.ts';
import { EXIT_DAMAGED, EXIT_DENIED, EXIT_NOT_THERE } from '../runtime/exit-codes.ts';
import { repeat } from '../runtime/progress.ts';
import { bytesText, jsonLine, printable } from '../runtime/text.ts';
import { faultText } from '../store/fault-text.ts';
import { openStore } from '../store/open.ts';
import { printRetries } from '../store/retry-log.ts';
import { DeniedError, type Store } from '../store/store.ts';
import { findOpenUploads, findTwice } from '../verify/destination.ts';
import type { Finding } from '../verify/finding.ts';
import { openPassed } from '../verify/passed.ts';
import { verifyFacts, verifySession } from '../verify/session.ts';
import { parseArguments, UsageError } from './arguments.ts';
import type { CommandInput, RunCommand } from './command.ts';
import { findSession } from './find-session.ts';
import { reportFault } from './look-faults.ts';
import { momentOf } from './ls-options.ts';
import { configFor } from './session-url.ts';

const OPTIONS = {
  since: { type: 'string' },
  until: { type: 'string' },
  sample: { type: 'string' },
  resume: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

/** Large archives take all cores then, and small ones do not wait for the store one by one. */
const AT_ONCE = 16;
const PROGRESS_MS = 10_000;

/** Reads what lies at a destination, and tells what is wrong with it. */
export const verify: RunCommand = async input => {
  const { env, cwd, args, printError, signals } = input;
  const nowMs = Date.now();
  try {
    const { values, positionals } = parseArguments(args, OPTIONS, ['<destination>']);
    const [url = ''] = positionals;
    const selection = {
      sinceMs: values.since === undefined ? undefined : momentOf('--since', values.since, nowMs),
      untilMs: values.until === undefined ? undefined : momentOf('--until', values.until, nowMs),
      ...({ isUnsaved: false, sort: 'start', isReversed: false } as const),
    };
    const share = shareOf(values.sample);
    const found = await find(url, env, cwd, input, nowMs);
    const { destination, denied, isWhole } = found;
    try {
      if (denied !== undefined) throw denied;
      const entries = select(found.entries, selection);
      if (entries.length === 0) {
        printError(
          `there is no session at ${printable(url)}: see whether the destination is right, and --since and --until`,
        );
        return EXIT_NOT_THERE;
      }
      let faults = 0;
      const tell = (finding: Finding) => {
        faults += 1;
        print(finding, values.json, input);
      };
      for (const finding of findTwice(found.entries)) tell(finding);
      const uploads = isWhole ? await uploadsAt(destination, nowMs, input) : [];
      for (const finding of uploads ?? []) tell(finding);
      const file = cacheFile(env, destination.url, 'verified.jsonl');
      const options = { share, file, isResumed: values.resume, tell };
      const read = await verifyEntries(destination, entries, options, input);
      signals.stopRequested.throwIfAborted();
      printError(`${read}, ${faults === 0 ? 'no fault' : faults === 1 ? 'one fault' : `${faults} faults`}`);
      if (faults > 0) return EXIT_DAMAGED;
      return uploads === undefined ? EXIT_DENIED : 0;
    } finally {
      destination.close();
    }
  } catch (error) {
    return reportFault(error, 'verify', input);
  }
};

interface Found extends Pick<Catalogue, 'entries' | 'denied'> {
  readonly destination: Store;
  /** It is all of a destination, and not one session. */
  readonly isWhole: boolean;
}

/** The sessions at a destination, or those that the URL names. */
async function find(
  url: string,
  env: CommandInput['env'],
  cwd: string,
  input: CommandInput,
  nowMs: number,
): Promise<Found> {
  const { signals, printError } = input;
  const config = configFor(url, env, cwd);
  const { destination: place, s3 } = config.save;
  const destination = await openStore(place, { s3, ...printRetries(printError) });
  try {
    const catalogue = await readCatalogue(destination, { signal: signals.stopRequested, nowMs });
    if (catalogue.entries.length > 0) return { ...catalogue, destination, isWhole: true };
  } catch (error) {
    destination.close();
    throw error;
  }
  destination.close();
  return { ...(await findSession(config, input)), isWhole: false };
}

/** @returns undefined, and which right is missing is printed */
async function uploadsAt(
  destination: Store,
  nowMs: number,
  { signals, printError }: CommandInput,
): Promise<readonly Finding[] | undefined> {
  try {
    return await findOpenUploads(destination, nowMs, signals.stopRequested);
  } catch (error) {
    if (!(error instanceof DeniedError)) throw error;
    printError(`uploads that are left open were not looked for: ${printable(faultText(error))}`);
    return undefined;
  }
}

interface VerifyEntriesOptions {
  /** Of the sessions, from 0 to 1, are read. */
  readonly share: number;
  /** Where it is kept which have passed; undefined: nowhere. */
  readonly file: string | undefined;
  readonly isResumed: boolean;
  readonly tell: (finding: Finding) => void;
}

/** @returns what was done, for a person */
async function verifyEntries(
  destination: Store,
  entries: readonly CatalogueEntry[],
  { share, file, isResumed, tell }: VerifyEntriesOptions,
  { signals, printError, terminal }: CommandInput,
): Promise<string> {
  const signal = signals.stopRequested;
  const passed = file === undefined ? undefined : await openPassed(file, isResumed);
  const left = entries.filter(entry => passed?.has(entry) !== true);
  const chosen = new Set(sampleOf(left, share));
  let [bytes, done] = [0, 0];
  using _ = repeat(PROGRESS_MS, () => {
    if (terminal) printError(`${done} of ${chosen.size} sessions, ${bytesText(bytes)} read`);
  });
  const work = async (entry: CatalogueEntry) => {
    const onBytes = (count: number) => {
      bytes += count;
    };
    return { entry, findings: await verifySession(destination, entry, { signal, onBytes }) };
  };
  for (const entry of left) if (!chosen.has(entry)) for (const finding of verifyFacts(entry)) tell(finding);
  for await (const { entry, findings } of mapConcurrently(each(chosen), AT_ONCE, work)) {
    done += 1;
    for (const finding of findings) tell(finding);
    if (findings.length === 0) await passed?.add(entry);
  }
  const before = entries.length - left.length;
  const unread = left.length - chosen.size;
  const elsewhere = entries.filter(
    ({ archive, report }) => archive === undefined && report?.saved === 'archive',
  ).length;
  return [
    `${chosen.size} ${chosen.size === 1 ? 'session' : 'sessions'} read, ${bytesText(bytes)}`,
    ...(before > 0 ? [`${before} found whole before`] : []),
    ...(unread > 0 ? [`${unread} not in the sample`] : []),
    ...(elsewhere > 0 ? [`${elsewhere} saved elsewhere, or missing`] : []),
  ].join(', ');
}

async function* each<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

/** So many of them, each as likely as any other; one at least. */
function sampleOf<T>(items: readonly T[], share: number): readonly T[] {
  const wanted = Math.ceil(items.length * share);
  const left = [...items];
  while (left.length > wanted) left.splice(Math.floor(Math.random() * left.length), 1);
  return left;
}

/** `5%`, from 0 to 1. @throws {UsageError} */
function shareOf(sample = '100%'): number {
  const [, percent] = /^(\d{1,3}(?:\.\d+)?)%$/.exec(sample) ?? [];
  const share = Number(percent) / 100;
  if (!(share > 0 && share <= 1))
    throw new UsageError(`--sample ${JSON.stringify(sample)} is no share: write a percentage, such as 5%`);
  return share;
}

function print(
  { kind, session, url, text, remedy }: Finding,
  json: boolean,
  { print: write }: CommandInput,
): void {
  write(
    json
      ? jsonLine({ kind, session: session ?? null, url, text, remedy })
      : `${printable(session ?? url)}: ${printable(text)}\n    ${printable(remedy)}`,
  );
}
