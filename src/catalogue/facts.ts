import * as v from 'valibot';
import { type JournalLook, lookAtJournal } from '../journal/reader/find.ts';
import type { Tally } from '../journal/reader/tally.ts';
import { parseAmendment } from '../report/amendment.ts';
import { savedReportOf } from '../report/saved-report.ts';
import { newerFormatOf, parseReport } from '../report/schema.ts';
import { readText } from '../store/read.ts';
import { DeniedError, type Store, type StoredObject } from '../store/store.ts';
import type { ListedSession } from './listing.ts';

const Ms = v.number();
const Count = v.number();

const ReportFacts = v.object({
  key: v.string(),
  /** Undefined: not higher than the one that is known here. */
  newerFormat: v.optional(v.number()),
  session: v.optional(v.string()),
  run: v.optional(v.string()),
  by: v.optional(v.string()),
  text: v.string(),
  saved: v.picklist(['archive', 'journal', 'lost', 'nothing-to-save']),
  recover: v.optional(v.string()),
  exitCode: v.optional(v.number()),
  startedMs: v.optional(Ms),
  endedMs: v.optional(Ms),
  recoveredMs: v.optional(Ms),
  peak: v.optional(Count),
  archive: v.optional(
    v.object({
      key: v.string(),
      bytes: Count,
      url: v.optional(v.string()),
      sha256: v.optional(v.string()),
    }),
  ),
  /** What a recovery could not read or pack. */
  faults: Count,
});

const JournalFacts = v.object({
  prefix: v.string(),
  run: v.optional(v.string()),
  segments: Count,
  bytes: Count,
  lastWrittenMs: Ms,
  heedsFences: v.boolean(),
  unreadable: v.optional(v.string()),
  status: v.optional(
    v.object({
      state: v.picklist(['writing', 'finished', 'saved']),
      heartbeatMs: v.number(),
      coveredUntil: v.string(),
      experiment: v.optional(v.string()),
      peak: v.optional(Count),
    }),
  ),
  fence: v.optional(
    v.object({
      by: v.string(),
      host: v.string(),
      since: v.string(),
      state: v.picklist(['working', 'released', 'ended']),
      after: Count,
      archive: v.optional(v.string()),
      sequence: Count,
      putMs: Ms,
    }),
  ),
});

/** See report/amendment.ts. */
const AmendmentFacts = v.object({
  ...{ host: v.string(), since: v.string() },
  ...{ archiveKey: v.string(), oldKeys: v.array(v.string()) },
});

const Claim = v.object({ run: v.optional(v.string()), startedAt: v.optional(v.string()) });

/** What was read in the folder of a session: of reports and journals what a catalogue tells, and nothing of people's. */
export const SessionFacts = v.object({
  reports: v.array(ReportFacts),
  claim: v.optional(Claim),
  journals: v.array(JournalFacts),
  amendment: v.optional(AmendmentFacts),
  /** The keys of reports that are none, or were cut off. */
  damaged: v.array(v.string()),
});

export type SessionFacts = Readonly<v.InferOutput<typeof SessionFacts>>;
export type ReportFacts = Readonly<v.InferOutput<typeof ReportFacts>>;
export type AmendmentFacts = Readonly<v.InferOutput<typeof AmendmentFacts>>;
export type JournalFacts = Readonly<v.InferOutput<typeof JournalFacts>>;

/** The facts, and the first right to read that was missing. */
export interface ReadSession {
  readonly facts: SessionFacts;
  readonly denied: DeniedError | undefined;
}

/** Reports have a few KiB. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Reads what is in the folder of a session.
 * @throws when the store does not answer; that the right to read is missing is told
 */
export async function readSession(
  destination: Store,
  { reports, claim, amendment, journals }: ListedSession,
  signal: AbortSignal,
): Promise<ReadSession> {
  let denied: DeniedError | undefined;
  const read = async ({ key }: StoredObject) => {
    try {
      return await readText(destination, key, { maxBytes: MAX_BYTES, signal, isListed: true });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof DeniedError)) throw error;
      denied ??= error;
      return undefined;
    }
  };

  const facts: ReportFacts[] = [];
  const damaged: string[] = [];
  for (const report of reports) {
    const text = await read(report);
    const found = text === undefined ? undefined : reportFacts(report.key, text);
    if (found !== undefined) facts.push(found);
    else if (denied === undefined) damaged.push(report.key);
  }
  const isSaved = facts.some(({ saved }) => saved === 'archive');
  const looks: JournalFacts[] = [];
  for (const [prefix, tally] of journals) {
    // Of a journal that was recovered and deleted its fences stay.
    if (isSaved && !tally.hasStatus && !tally.isPlanned) continue;
    const look = await lookAtJournal({ destination, prefix, signal }, tally);
    if (look !== undefined) looks.push(journalFacts(prefix, look, tally));
  }
  // Of one that was cut off nothing else tells when it started.
  const isStartKnown = facts.some(({ startedMs }) => startedMs !== undefined);
  const claimed = claim === undefined || isStartKnown ? undefined : await read(claim);
  return {
    facts: {
      ...{ reports: facts, claim: claimFacts(claimed), journals: looks, damaged },
      amendment: amendment && amendmentFacts(await read(amendment)),
    },
    denied,
  };
}

function reportFacts(key: string, text: string): ReportFacts | undefined {
  const report = parseReport(text);
  if (report === undefined) return undefined;
  const { by, exitCode, startedMs, endedMs, recoveredMs, peak, text: end } = savedReportOf(report);
  return {
    key,
    ...{ by, exitCode, startedMs, endedMs, recoveredMs, peak, text: end },
    newerFormat: newerFormatOf(text),
    session: report.session,
    run: report.run,
    saved: report.saved,
    recover: report.recover,
    archive: report.archive && {
      key: report.archive.key,
      bytes: report.archive.bytes,
      url: report.archive.url,
      sha256: report.archive.sha256,
    },
    faults: (report.problems?.length ?? 0) + (report.notPacked?.total ?? 0),
  };
}

function journalFacts(prefix: string, look: JournalLook, tally: Tally): JournalFacts {
  const { run, segments, bytes, heedsFences, unreadable, status, fence } = look;
  return {
    ...{ prefix, run, segments, bytes, heedsFences, unreadable },
    lastWrittenMs: look.lastWrittenMs || tally.lastWrittenMs,
    status: status && {
      state: status.state,
      heartbeatMs: status.heartbeatMs,
      coveredUntil: status.coveredUntil,
      experiment: status.about.experiment,
      peak: status.people?.peak,
    },
    fence: fence && { ...fence },
  };
}

/** One that cannot be read is still one. */
function amendmentFacts(text: string | undefined): AmendmentFacts {
  const {
    host = 'somebody',
    since = 'an unknown moment',
    archiveKey = '',
    oldKeys = [],
  } = parseAmendment(text) ?? {};
  return { host, since, archiveKey, oldKeys: [...oldKeys] };
}

function claimFacts(text: string | undefined): SessionFacts['claim'] {
  const claim = v.safeParse(v.pipe(v.string(), v.parseJson(), Claim), text);
  return claim.success ? claim.output : undefined;
}
