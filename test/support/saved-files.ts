import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { unlessMissing } from '../../src/files/errno.ts';
import { withoutFences } from './fences.ts';
import type { S3Server } from './s3-server.ts';

/** Where a session's objects lie, relative to its destination. */
export interface SavedKeys {
  readonly archive: string;
  readonly report: string;
  /** What all of its journal's keys begin with. */
  readonly journal: string;
}

/** @param name the name that the session has claimed */
export function savedAs(name: string): SavedKeys {
  const beside = `.sessions/${name}`;
  return {
    archive: `${name}/logs.tar.gz`,
    report: `${beside}/session.json`,
    journal: `${beside}/journal/`,
  };
}

/** What sessions have left in a folder and in S3. */
export interface SavedFiles {
  /** Every file and folder, and every object's key. */
  readonly paths: readonly string[];
  /** The paths of journals, but for the fences that stay where one was. */
  readonly journal: readonly string[];
  /** Each archive as the files that hold its bytes, in their order. */
  readonly archives: readonly (readonly string[])[];
  /** The files that hold the reports. */
  readonly reports: readonly string[];
}

/** Lists what lies below a folder, which may be missing, and in every bucket. */
export async function listSaved(folder: string, s3: S3Server): Promise<SavedFiles> {
  const names = (await unlessMissing(readdir(folder, { recursive: true }))) ?? [];
  const files = names.map(name => join(folder, name));
  const objects = s3.objects();
  const paths = [...files, ...objects.map(({ key }) => key)];
  const contents = [
    ...files.map(path => ({ path, file: path })),
    ...objects.map(({ key, bodies }) => ({ path: key, file: bodies[0]?.file })),
  ];
  const fileOf = new Map(contents.map(({ path, file }) => [path, file]));
  const journal = await withoutFences(contents.map(({ path }) => path).filter(isOfJournal), async path => {
    const file = fileOf.get(path);
    return file === undefined ? undefined : readFile(file);
  });
  return {
    paths,
    journal,
    reports: contents.flatMap(({ path, file }) => (isReport(path) && file !== undefined ? [file] : [])),
    archives: [
      ...files.filter(isArchive).map(file => [file]),
      ...objects
        .filter(({ key }) => isArchive(key))
        .map(({ bodies }) => bodies.map(({ file }) => file).filter(file => file !== undefined)),
    ],
  };
}

function isArchive(path: string): boolean {
  return path.endsWith('.tar.gz') && !isOfJournal(path);
}

function isReport(path: string): boolean {
  return basename(path) === 'session.json';
}

function isOfJournal(path: string): boolean {
  return /\/journal(\.\d+)?\//.test(path);
}
