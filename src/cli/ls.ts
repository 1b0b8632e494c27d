import { cacheFile, openCache } from '../catalogue/cache.ts';
import { type Catalogue, readCatalogue } from '../catalogue/catalogue.ts';
import type { CatalogueEntry } from '../catalogue/entry.ts';
import { reasonOf, select } from '../catalogue/select.ts';
import { isUnsaved } from '../catalogue/state.ts';
import type { SessionConfig } from '../config/session-config.ts';
import { EXIT_DENIED, EXIT_NOT_THERE } from '../runtime/exit-codes.ts';
import { keepYoungGenerationSmall } from '../runtime/heap.ts';
import { errorText, printable } from '../runtime/text.ts';
import { faultText } from '../store/fault-text.ts';
import { openStore } from '../store/open.ts';
import { printRetries } from '../store/retry-log.ts';
import { catalogueTable, csvLines, jsonLines } from './catalogue-rows.ts';
import type { CommandInput, RunCommand } from './command.ts';
import { folderFault, reportFault } from './look-faults.ts';
import { type LsOptions, readLsOptions } from './ls-options.ts';
import { configFor } from './session-url.ts';
import { terminalOf } from './terminal.ts';

/** Of more, nobody at a terminal reads the first ones. */
const TERMINAL_LIMIT = 50;

/** Lists the sessions at a destination. */
export const ls: RunCommand = async input => {
  const { env, cwd, args, printError } = input;
  const nowMs = Date.now();
  keepYoungGenerationSmall();
  try {
    const options = readLsOptions(args, nowMs);
    const config = configFor(options.destination, env, cwd);
    const fault = await folderFault(config.save.destination);
    if (fault !== undefined) {
      printError(fault);
      return EXIT_NOT_THERE;
    }
    return print(await read(config, input, nowMs), options, input);
  } catch (error) {
    return reportFault(error, 'ls', input);
  }
};

async function read({ save }: SessionConfig, input: CommandInput, nowMs: number): Promise<Catalogue> {
  const { env, signals, printError } = input;
  const destination = await openStore(save.destination, { s3: save.s3, ...printRetries(printError) });
  try {
    const file = cacheFile(env, destination.url);
    const cache = file === undefined ? undefined : await openCache(file, destination.url);
    const catalogue = await readCatalogue(destination, { signal: signals.stopRequested, nowMs, cache });
    // What is listed is right without it.
    await cache
      ?.save()
      .catch((error: unknown) => printError(`the cache ${file} was not written: ${errorText(error)}`));
    return catalogue;
  } finally {
    destination.close();
  }
}

async function print(
  { entries, foreign, denied }: Catalogue,
  options: LsOptions,
  input: CommandInput,
): Promise<number> {
  const { printError, write } = input;
  const selected = select(entries, options);
  const from = firstOf(selected, options.after);
  if (from === undefined) {
    printError(
      `none of these sessions is called ${printable(options.after ?? '')}: give --after a name that was listed`,
    );
    return EXIT_NOT_THERE;
  }
  const usual = input.terminal && options.format === 'table' ? TERMINAL_LIMIT : Number.POSITIVE_INFINITY;
  const page = selected.slice(from, from + (options.limit ?? usual));
  const lines = linesOf(page, options, input);
  if (lines.length > 0) await write(Buffer.from(`${lines.join('\n')}\n`));
  const rest = selected.length - from - page.length;
  const last = page.at(-1);
  if (options.format === 'table') printError(summaryOf(selected));
  if (rest > 0 && last !== undefined)
    printError(`${countText(rest, 'more session')}: see --after ${printable(last.session)}, or --limit 0`);
  if (selected.length === 0 && options.reason !== undefined) printError(reasonsText(entries));
  if (foreign > 0) printError(`left out: ${countText(foreign, 'object')} of no session`);
  if (denied === undefined) return 0;
  printError(`not everything could be read, and what it would tell is missing above: ${faultText(denied)}`);
  return EXIT_DENIED;
}

function linesOf(page: readonly CatalogueEntry[], { format }: LsOptions, input: CommandInput): string[] {
  switch (format) {
    case 'csv':
      return csvLines(page);
    case 'json':
      return jsonLines(page);
    case 'table':
      return page.length === 0 ? [] : catalogueTable(page, terminalOf(input));
    default:
      return format satisfies never;
  }
}

/** Where a page begins; undefined: there is no such session. */
function firstOf(selected: readonly CatalogueEntry[], after: string | undefined): number | undefined {
  if (after === undefined) return 0;
  const last = selected.findLastIndex(({ session }) => session === after);
  return last === -1 ? undefined : last + 1;
}

function summaryOf(entries: readonly CatalogueEntry[]): string {
  if (entries.length === 0) return 'no sessions';
  const live = entries.filter(({ state }) => state === 'live').length;
  const unsaved = entries.filter(({ state }) => isUnsaved(state)).length;
  const parts = [
    countText(entries.length, 'session'),
    ...(live > 0 ? [`${live} live`] : []),
    ...(unsaved > 0 ? [`${unsaved} not saved, or not whole: see --unsaved, and show <session>`] : []),
  ];
  return parts.join(', ');
}

function reasonsText(entries: readonly CatalogueEntry[]): string {
  const reasons = [...new Set(entries.map(entry => reasonOf(entry) ?? ''))].filter(Boolean).sort();
  return `reasons here: ${reasons.map(printable).join(', ') || 'none'}`;
}

function countText(count: number, what: string): string {
  return `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;
}
