import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import type { S3Server } from '../support/s3-server.ts';
import type { SessionFixture } from '../support/session.ts';

/** What a session has left on disks and in the store. */
export interface Found {
  readonly archives: readonly FoundArchive[];
  readonly reports: number;
  /** Files and objects of a journal. */
  readonly journal: number;
  /** Paths of what should have been finished, or taken away. */
  readonly halfMade: readonly string[];
}

export interface FoundArchive {
  readonly bytes: number;
  readonly sha256: string;
  /** What GNU tar lists, or why it does not. */
  readonly names: readonly string[] | { readonly fault: string };
}

export async function findSaved(theatre: SessionFixture, s3: S3Server): Promise<Found> {
  const folder = dirname(theatre.workdir);
  const files = (await readdir(folder, { recursive: true })).map(name => join(folder, name));
  const objects = s3.objects();
  const isJournal = (path: string) => path.includes('/journal/');
  const isArchive = (path: string) => path.endsWith('.tar.gz') && !isJournal(path);
  const archivesInPieces = [
    ...files.filter(isArchive).map(file => [file]),
    ...objects
      .filter(({ key }) => isArchive(key))
      .map(({ bodies }) => bodies.map(({ file }) => file).filter(file => file !== undefined)),
  ];
  const paths = [...files, ...objects.map(({ key }) => key)];
  const names = paths.map(path => basename(path));
  return {
    archives: await Promise.all(archivesInPieces.map(pieces => examine(pieces, folder))),
    reports: names.filter(name => name === 'session.json').length,
    journal: paths.filter(isJournal).length,
    halfMade: names.filter(name => name.endsWith('.part') || name.startsWith('.craftassist-session')),
  };
}

/** Reads the whole archive, checksums included. */
async function examine(pieces: readonly string[], cwd: string): Promise<FoundArchive> {
  const digest = createHash('sha256');
  let bytes = 0;
  for (const piece of pieces) {
    await pipeline(createReadStream(piece), async source => {
      for await (const chunk of source) {
        digest.update(chunk);
        bytes += chunk.length;
      }
    });
  }
  const listing = promisify(execFile)('sh', ['-c', 'cat "$@" | tar tzf -', 'sh', ...pieces], { cwd });
  const names = await listing.then(
    ({ stdout }) => stdout.split('\n'),
    (fault: unknown) => ({ fault: String(fault) }),
  );
  return { bytes, sha256: digest.digest('hex'), names };
}
