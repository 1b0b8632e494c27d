import * as v from 'valibot';
import { readText } from '../store/read.ts';
import type { Store, StoredObject } from '../store/store.ts';
import { isName } from './session-id.ts';

/** What a session's report tells, as far as the pages show it. */
export interface SavedReport {
  readonly text: string;
  readonly saved: string;
  /** undefined: the session was cut off, and has been recovered. */
  readonly exitCode: number | undefined;
  readonly startedMs: number | undefined;
  readonly endedMs: number | undefined;
  readonly peak: number | undefined;
  readonly archive: { readonly key: string; readonly bytes: number } | undefined;
}

/** What the bucket knows of sessions: it remembers them when ECS and Docker have forgotten them. */
export interface Archives {
  /** The report of a session; undefined: there is none (yet). */
  report(name: string, signal: AbortSignal): Promise<SavedReport | undefined>;
  /** Whether a session has left a journal. */
  hasJournal(name: string, signal: AbortSignal): Promise<boolean>;
  /** The names of the sessions that were asked for yesterday and today, the newest first. */
  recent(nowMs: number, signal: AbortSignal): Promise<readonly string[]>;
  /** The session's own folder, as `recover` takes it. */
  urlOf(name: string): string;
  /** One archive, to be read as it comes. */
  read(key: string, signal: AbortSignal): Promise<AsyncIterable<Buffer> | undefined>;
  close(): void;
}

const Report = v.object({
  saved: v.string(),
  // A session that was cut off could not tell how it ended: then the report is only its recovery's.
  end: v.optional(v.object({ text: v.string() })),
  exitCode: v.optional(v.number()),
  startedAt: v.optional(v.string()),
  endedAt: v.optional(v.string()),
  coveredUntil: v.optional(v.string()),
  people: v.optional(v.object({ peak: v.number() })),
  archive: v.optional(v.object({ key: v.string(), bytes: v.number() })),
});

const DAY_MS = 86_400_000;
/** No report is as long. */
const LONGEST_REPORT = 4 * 1024 * 1024;
/** Journals of running sessions lie among the reports: so many objects are looked through, and no more. */
const MOST_LISTED = 20_000;

/** Reads what sessions have saved at a destination; nothing is ever written there. */
export function openArchives(destination: Store): Archives {
  /** A report does not change any more, unless it is about a journal that somebody may recover. */
  const known = new Map<string, SavedReport>();

  return {
    async report(name, signal) {
      const kept = known.get(name);
      if (kept !== undefined) return kept;
      const text = await readText(destination, `${name}/session.json`, {
        maxBytes: LONGEST_REPORT,
        signal,
      });
      const report = text === undefined ? undefined : parseReport(text);
      if (report !== undefined && isFinal(report)) keep(known, name, report);
      return report;
    },

    async hasJournal(name, signal) {
      for await (const _ of destination.list(`${name}/journal/`, signal)) return true;
      return false;
    },

    async recent(nowMs, signal) {
      const days = [nowMs, nowMs - DAY_MS].map(ms => new Date(ms).toISOString().slice(0, 10));
      const found = await Promise.all(days.map(day => namesBelow(destination.list(day, signal))));
      return found.flat();
    },

    urlOf: name => `${destination.url.replace(/\/$/, '')}/${encodeURI(name)}`,
    read: (key, signal) => destination.get(key, signal),
    close: () => destination.close(),
  };
}

/** Whether a report will say the same tomorrow. */
export function isFinal({ saved }: SavedReport): boolean {
  return saved !== 'journal';
}

const MOST_KNOWN = 2_000;

function keep(known: Map<string, SavedReport>, name: string, report: SavedReport): void {
  known.set(name, report);
  const [oldest] = known.keys();
  if (known.size > MOST_KNOWN && oldest !== undefined) known.delete(oldest);
}

async function namesBelow(objects: AsyncIterable<StoredObject>): Promise<string[]> {
  const names = new Set<string>();
  let listed = 0;
  for await (const { key } of objects) {
    const [name = ''] = key.split('/', 1);
    if (isName(name)) names.add(name);
    listed += 1;
    if (listed >= MOST_LISTED) break;
  }
  return [...names].reverse();
}

function momentOf(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

/** A report that another version wrote, or nobody finished, tells nothing; it breaks no page. */
function parseReport(text: string): SavedReport | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const result = v.safeParse(Report, json);
  if (!result.success) return undefined;
  const { end, people, archive, saved, exitCode, startedAt, endedAt, coveredUntil } = result.output;
  return {
    text: end?.text ?? 'it was cut off, and what it had recorded has been recovered',
    ...{ saved, exitCode, archive },
    startedMs: momentOf(startedAt),
    endedMs: momentOf(endedAt ?? coveredUntil),
    peak: people?.peak,
  };
}
