import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import type { Report } from '../../src/report/schema.ts';
import type { S3Server } from '../support/s3-server.ts';
import { listSaved } from '../support/saved-files.ts';
import type { Stop } from './plan.ts';

/** How a session went, seen from outside. */
export interface Evidence extends Saved {
  readonly code: number | null;
  readonly killedBy: NodeJS.Signals | null;
  /** Its lines; after it was closed, to be archived, they are on the console alone. */
  readonly log: string;
  /** What the session has said of itself; undefined: nothing. */
  readonly report: Report | undefined;
  readonly stderr: string;
  readonly signals: readonly SentSignal[];
  readonly endedAtMs: number;
  /** The processes that outlived it; they have been killed since. */
  readonly processesLeft: readonly string[];
  readonly uploadsLeft: number;
}

export interface SentSignal extends Stop {
  readonly atMs: number;
}

/** What a session has left on disks and in the store. */
export interface Saved {
  readonly archives: readonly SavedArchive[];
  readonly reports: readonly Report[];
  /** How many files and objects of a journal. */
  readonly journal: number;
  /** Names of what should have been finished, or deleted. */
  readonly unfinished: readonly string[];
}

export interface SavedArchive {
  readonly bytes: number;
  readonly sha256: string;
  /** What GNU tar lists, or why it fails. */
  readonly names: readonly string[] | { readonly fault: string };
}

/** Reads what a session has left below a folder and in S3. */
export async function readSaved(folder: string, s3: S3Server): Promise<Saved> {
  const { paths, journal, archives, reports } = await listSaved(folder, s3);
  const names = paths.map(path => basename(path));
  return {
    archives: await Promise.all(archives.map(pieces => readArchive(pieces, folder))),
    reports: await Promise.all(reports.map(async file => JSON.parse(await readFile(file, 'utf8')))),
    journal: journal.length,
    unfinished: names.filter(name => name.endsWith('.part') || name.startsWith('.craftassist-session')),
  };
}

/** Reads the whole archive, checksums included. */
async function readArchive(pieces: readonly string[], cwd: string): Promise<SavedArchive> {
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
