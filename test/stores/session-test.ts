import { expect } from 'vitest';
import { test as cuberiteTest } from '../session/cuberite/support.ts';
import { withoutFences } from '../support/fences.ts';
import { savedAs } from '../support/saved-files.ts';
import type { RealStore } from './start/store.ts';
import { awsVariables, createBucket } from './support.ts';

const SAVED = savedAs('test');
const inBucket = (key: string) => `sessions/${key}`;
export const ARCHIVE = inBucket(SAVED.archive);
export const REPORT = inBucket(SAVED.report);

/** Tests with sessions that save to a new bucket of a real store. */
export function sessionTest(kind: RealStore['kind']) {
  return (
    cuberiteTest
      .extend('bucket', ({ onTestFinished }) => createBucket(kind, onTestFinished))
      .extend('environment', ({ bucket }) => ({
        SESSION_DESTINATION: `s3://${bucket.name}/sessions`,
        SESSION_S3_PATH_STYLE: '1',
        SESSION_SAVE_TIMEOUT: '30s',
        ...awsVariables(bucket.store.url, bucket.store.owner),
      }))
      .extend(
        'start',
        ({ environment, fixture }) =>
          (env: Record<string, string> = {}, ...args: string[]) =>
            fixture.start({ ...environment, ...env }, ...args),
      )
      /** Expects what a session leaves that was saved: nothing else of it, and no upload. */
      .extend('expectSaved', ({ bucket }) => async () => {
        const keys = await bucket.keys();
        expect(keys).toEqual(expect.arrayContaining([ARCHIVE, REPORT]));
        const journal = keys.filter(key => key.startsWith(inBucket(SAVED.journal)));
        expect(await withoutFences(journal, bucket.read)).toEqual([]);
        const archives = keys.filter(key => key.endsWith('.tar.gz') && !journal.includes(key));
        expect(archives).toEqual([ARCHIVE]);
        expect(await bucket.uploads()).toEqual([]);
      })
  );
}
