import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll } from 'vitest';
import { type EndingName, playEveryEnding, type SessionObjects } from './sessions-of-every-ending.ts';

/** So old nothing is written any more. */
export const YESTERDAY = new Date(Date.now() - 25 * 3_600_000);

/** Sessions that are played once, before the tests of a file. */
export function playBeforeAll() {
  let played: Readonly<Record<EndingName, SessionObjects>> | undefined;
  beforeAll(async () => {
    played = await playEveryEnding();
  }, 120_000);
  const objectsOf = (ending: EndingName): SessionObjects => {
    if (played === undefined) throw new Error('they are not played yet');
    return played[ending];
  };
  return {
    objectsOf,
    /** The name of the session that ended so. */
    nameOf: (ending: EndingName): string => sessionIn(objectsOf(ending)),
    /** One that was saved, by itself or by a recovery, and whose journal was not deleted. */
    savedWithJournal: (by: 'saved' | 'recovered'): SessionObjects =>
      withJournal(objectsOf(by), objectsOf('killed')),
  };
}

/** A session that was saved, with the journal of one that was killed, whose run it says it was. */
function withJournal(saved: SessionObjects, killed: SessionObjects): SessionObjects {
  const journals = killed.filter(({ key }) => key.includes('/journal/'));
  const run = /"run":"([^"]+)"/.exec(journals.map(({ body }) => body.toString()).join(''))?.[1] ?? '';
  return [
    ...journals.map(({ key, ...rest }) => ({
      ...rest,
      key: key.replace(sessionIn(killed), sessionIn(saved)),
    })),
    ...saved
      .filter(({ key }) => !key.includes('/journal/'))
      .map(object =>
        object.key.endsWith('session.json')
          ? { ...object, body: Buffer.from(JSON.stringify({ ...JSON.parse(`${object.body}`), run })) }
          : object,
      ),
  ];
}

/** The same in the folder `sessions` of a bucket, since yesterday. */
export function inBucket(objects: SessionObjects): SessionObjects {
  return objects.map(({ key, body }) => ({ key: `sessions/${key}`, body, modifiedMs: YESTERDAY.getTime() }));
}

function sessionIn(objects: SessionObjects): string {
  const names = objects.flatMap(({ key }) => /\d{4}-[^/]*Z/.exec(key)?.[0] ?? []);
  return names[0] ?? '';
}

/** Puts the objects of sessions into a folder, as if they had been saved there yesterday. */
export async function placeIn(folder: string, objects: SessionObjects): Promise<void> {
  for (const { key, body } of objects) {
    const file = join(folder, key);
    await mkdir(dirname(file), { recursive: true });
    // Where the archive was stored at first is another place than this.
    const isReport = key.endsWith('session.json');
    await writeFile(file, isReport ? body.toString().replace(/"url": ?"s3:[^"]*",/, '') : body);
    await utimes(file, YESTERDAY, YESTERDAY);
  }
}
