import * as v from 'valibot';
import type { FoundJournal } from '../journal/reader/find.ts';
import { readText } from '../store/read.ts';
import type { Store } from '../store/store.ts';
import { keyOf } from './archive-name.ts';
import { type RecoveredSession, SMALL_BYTES } from './recovery-claim.ts';

/** What of a session's own report matters here; everything else in it is kept as it is. */
const OwnReport = v.looseObject({
  saved: v.string(),
  journal: v.optional(v.looseObject({ prefix: v.optional(v.string()) })),
  archive: v.optional(v.looseObject({ key: v.string(), bytes: v.number() })),
});

type OwnReport = v.InferOutput<typeof OwnReport>;

/** Writes `session.json`: what the session itself could tell, if it could, and what was recovered. */
export async function putRecoveryReport(
  destination: Store,
  journal: FoundJournal,
  { archiveKey, reportKey, bytes, sha256, ...recovery }: RecoveredSession,
  signal: AbortSignal,
): Promise<void> {
  const own = await ownReport(destination, journal, signal);
  const report = {
    format: 1,
    session: recovery.session,
    ...own,
    saved: 'archive',
    recover: undefined,
    recovered: true,
    recoveredAt: new Date().toISOString(),
    coveredUntil: recovery.coveredUntil,
    complete: recovery.isFinished,
    tailsMissing: recovery.waiting.paths,
    problems: recovery.problems,
    archive: { url: `${destination.url}/${archiveKey}`, key: archiveKey, bytes, sha256, verified: true },
  };
  await destination.put(reportKey, Buffer.from(`${JSON.stringify(report, undefined, 2)}\n`), { signal });
}

/** Whether the session itself saved its archive, and was cut off before it could delete its journal. */
export async function isSavedAlready(
  destination: Store,
  journal: FoundJournal,
  signal: AbortSignal,
): Promise<boolean> {
  if (journal.status?.state === 'saved') return true;
  const archive = (await ownReport(destination, journal, signal))?.archive;
  if (archive === undefined) return false;
  for await (const { key, bytes } of destination.list(archive.key, signal)) {
    if (key === archive.key) return bytes === archive.bytes;
  }
  return false;
}

/** The report of the session that wrote a journal, among those of others of its name. */
async function ownReport(
  destination: Store,
  { session, siblings, prefix }: FoundJournal,
  signal: AbortSignal,
): Promise<OwnReport | undefined> {
  for (const name of siblings.filter(sibling => /^session(\.\d+)?\.json$/.test(sibling))) {
    const text = await readText(destination, keyOf(session, name), { maxBytes: SMALL_BYTES, signal });
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), OwnReport), text);
    if (parsed.success && parsed.output.journal?.prefix === prefix) return parsed.output;
  }
  return undefined;
}
