import type { CatalogueEntry } from '../catalogue/entry.ts';
import { readArchive } from '../catalogue/read-archive.ts';
import type { FoundReport } from '../report/schema.ts';
import type { Store } from '../store/store.ts';
import { DamagedArchiveError } from '../unpack/decode.ts';
import type { Finding } from './finding.ts';

/** What an archive was found to hold. */
interface Counts {
  files: number;
  directories: number;
  links: number;
}

/**
 * Reads an archive to its end: its bytes, its codec's checksums, every header of its tar; and compares with its report.
 * @throws when the store cannot be read, which says nothing about the archive
 */
export async function verifyArchive(
  destination: Store,
  entry: CatalogueEntry,
  report: FoundReport | undefined,
  { signal, onBytes }: { readonly signal: AbortSignal; readonly onBytes: (bytes: number) => void },
): Promise<Finding[]> {
  const { archive, session } = entry;
  if (archive === undefined) return [];
  const url = `${destination.url}/${archive.key}`;
  const told = report?.archive;
  const counts: Counts = { files: 0, directories: 0, links: 0 };
  const reading = readArchive(destination, archive.key, signal);
  const finding = (kind: Finding['kind'], text: string): Finding => ({
    ...{ kind, session, url, text },
    remedy:
      entry.journals.length > 0
        ? `craftassist-session recover ${entry.url} makes another one of its journal; keep this one until then`
        : 'look for it in older versions of the bucket, or in backups',
  });
  try {
    let last = 0;
    for await (const { type } of reading.entries) {
      onBytes(reading.bytesRead() - last);
      last = reading.bytesRead();
      if (type === 'file' || type === 'hard-link') counts.files += 1;
      else if (type === 'directory') counts.directories += 1;
      else if (type === 'link') counts.links += 1;
    }
    onBytes(reading.bytesRead() - last);
  } catch (error) {
    if (!(error instanceof DamagedArchiveError)) throw error;
    return [finding('archive-damaged', `its archive cannot be read to its end: ${error.message}`)];
  }
  if (told?.sha256 !== undefined && reading.sha256() !== told.sha256)
    return [finding('archive-digest', 'its archive has other bytes than its report tells of')];
  const differing = (['files', 'directories', 'links'] as const).filter(
    name => told?.[name] !== undefined && told[name] !== counts[name],
  );
  return differing.length === 0
    ? []
    : [
        finding(
          'archive-content',
          `its archive has ${differing.map(name => `${counts[name]} ${name}, and ${told?.[name]} by its report`).join('; ')}`,
        ),
      ];
}
