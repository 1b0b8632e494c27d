import type { CatalogueEntry } from '../catalogue/entry.ts';
import type { OpenUpload, Store } from '../store/store.ts';
import type { Finding } from './finding.ts';

/** Who uploads sends a part within minutes: what is so old is nobody's any more. */
const OLD_MS = 24 * 60 * 60 * 1_000;

/**
 * The keys at which somebody began uploads long ago, and nobody did since.
 * @throws {DeniedError} where the right to find them is missing
 */
export async function findOldUploads(
  destination: Store,
  {
    prefix,
    nowMs,
    signal,
  }: { readonly prefix: string; readonly nowMs: number; readonly signal: AbortSignal },
): Promise<OpenUpload[]> {
  const latest = new Map<string, OpenUpload>();
  for (const upload of await destination.openUploads(prefix, signal)) {
    // One of which nothing is known may have begun just now.
    const modifiedMs = upload.modifiedMs === 0 ? nowMs : upload.modifiedMs;
    const known = latest.get(upload.key);
    if (known === undefined || known.modifiedMs < modifiedMs)
      latest.set(upload.key, { ...upload, modifiedMs });
  }
  return [...latest.values()].filter(({ modifiedMs }) => nowMs - modifiedMs > OLD_MS);
}

/** Uploads that somebody began long ago and never ended. @throws {DeniedError} where the right to find them is missing */
export async function findOpenUploads(
  destination: Store,
  nowMs: number,
  signal: AbortSignal,
): Promise<Finding[]> {
  const uploads = await findOldUploads(destination, { prefix: '', nowMs, signal });
  return uploads.map(({ key, modifiedMs }) => ({
    ...{ kind: 'upload-open', session: undefined, url: `${destination.url}/${key}` },
    text: `an upload that began ${new Date(modifiedMs).toISOString()} was never ended`,
    remedy: `craftassist-session prune --yes ${destination.url} ends it, as the bucket's lifecycle rule would`,
  }));
}

/** Runs that are there a second time, and archives beside those that reports tell of. */
export function findTwice(entries: readonly CatalogueEntry[]): Finding[] {
  const found: Finding[] = [];
  const runs = new Map<string, CatalogueEntry>();
  const named = new Map<string, CatalogueEntry>();
  for (const entry of entries) {
    const run = entry.report?.run ?? entry.journals[0]?.run;
    const first = run === undefined ? undefined : runs.get(run);
    if (first !== undefined)
      found.push(twice(entry, `it is the same run as ${first.url}: one of them is a copy`));
    if (run !== undefined && first === undefined) runs.set(run, entry);
    if (entry.report?.archive !== undefined) named.set(entry.session, entry);
  }
  for (const entry of entries) {
    const other = named.get(entry.session);
    if (entry.report !== undefined || entry.archive === undefined || other === undefined || other === entry)
      continue;
    found.push(
      twice(entry, `it is an archive of ${entry.session}, whose report names ${other.archive?.key}`),
    );
  }
  return found;
}

function twice({ session, url }: CatalogueEntry, text: string): Finding {
  return { kind: 'twice', session, url, text, remedy: 'compare the two, and delete what is a copy' };
}
