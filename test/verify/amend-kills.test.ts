/**
 * @module-tag slow
 */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ls } from '../../src/cli/ls.ts';
import { show } from '../../src/cli/show.ts';
import { verify } from '../../src/cli/verify.ts';
import { openFolder, openS3, runCommand } from '../catalogue/support.ts';
import { eventually } from '../support/eventually.ts';
import { inBucket, playBeforeAll, YESTERDAY } from '../support/placed-sessions.ts';
import type { S3Server } from '../support/s3-server.ts';
import { openSessionFixture } from '../support/session.ts';
import { expectAmended, WHY, writeChanged } from './amending.ts';

const { objectsOf, nameOf, savedWithJournal } = playBeforeAll();

test('what somebody was uploading who was killed is deleted when it is run again', async () => {
  const folder = await openFolder();
  await writeChanged(folder);
  await writeFile(join(folder, 'changed', 'world.bin'), randomBytes(24 << 20));
  const objects = inBucket(objectsOf('saved'));
  let isHeld = false;
  const { promise: held, resolve: release } = Promise.withResolvers<boolean>();
  const { s3, env } = await openS3({
    objects,
    gate({ operation }) {
      if (isHeld || operation !== 'UploadPart') return true;
      isHeld = true;
      return held;
    },
  });
  const fixture = await openSessionFixture();
  onTestFinished(() => fixture[Symbol.asyncDispose]());
  const url = `s3://bucket/sessions/${nameOf('saved')}`;
  const args = ['amend', '--yes', ...WHY, url, join(folder, 'changed')];
  const running = fixture.start(env, ...args);
  await eventually(() => isHeld, { timeoutMs: 20_000 });
  running.signal('SIGKILL');
  await running.ended();
  release(false);
  expect(s3.uploads()).toHaveLength(1);
  const again = fixture.start(env, ...args);
  expect(await again.ended(), again.stderr()).toMatchObject({ code: 0 });
  expect(s3.uploads()).toEqual([]);
  expect(await runCommand(verify, folder, [url], { env })).toMatchObject({ code: 0, lines: [] });
});

/** As they are the day after: a fence is nobody's any more then. */
function agedObjectsOf({ url, objects }: Pick<S3Server, 'url' | 'objects'>) {
  return Promise.all(
    objects().map(async ({ key }) => ({
      key,
      body: Buffer.from(await (await fetch(`${url}/bucket/${encodeURI(key)}`)).arrayBuffer()),
      modifiedMs: YESTERDAY.getTime(),
    })),
  );
}

type Asked = { readonly operation: string; readonly key: string };

/** Where it is killed: at the first request of which this is true. */
const MOMENTS: Readonly<Record<string, () => (request: Asked) => boolean>> = {
  'while its archive is stored':
    () =>
    ({ operation, key }) =>
      operation === 'PutObject' && key.endsWith('logs.2.tar.gz'),
  'while its journal is deleted': () => {
    let isMarked = false;
    return ({ operation, key }) => {
      isMarked ||= operation === 'PutObject' && key.endsWith('journal/status.json');
      return isMarked && operation === 'DeleteObjects';
    };
  },
  'before its report is put':
    () =>
    ({ operation, key }) =>
      operation === 'PutObject' && key.endsWith('session.json'),
  'before the old archive is deleted': () => {
    let isPut = false;
    return ({ operation, key }) => {
      isPut ||= operation === 'PutObject' && key.endsWith('session.json');
      return isPut && operation === 'DeleteObjects';
    };
  },
};

test.each(Object.keys(MOMENTS))(
  'killed %s, report and archive fit, verify names what to do, and it is run again',
  async when => {
    const name = nameOf('recovered');
    const folder = await openFolder();
    await writeChanged(folder);
    const objects = inBucket(savedWithJournal('recovered'));
    const isMeant = MOMENTS[when]?.() ?? (() => false);
    let isHeld = false;
    const { promise: held, resolve: release } = Promise.withResolvers<boolean>();
    const { s3, env } = await openS3({
      objects,
      gate(request, moment) {
        if (isHeld || moment !== 'come' || !isMeant(request)) return true;
        isHeld = true;
        return held;
      },
    });
    const fixture = await openSessionFixture();
    onTestFinished(() => fixture[Symbol.asyncDispose]());
    const url = `s3://bucket/sessions/${name}`;
    const args = ['--yes', ...WHY, url, join(folder, 'changed')];
    const running = fixture.start(env, 'amend', ...args);
    await eventually(() => isHeld, { timeoutMs: 20_000 });
    running.signal('SIGKILL');
    await running.ended();
    release(false);

    const found = await runCommand(verify, folder, ['--json', url], { env });
    const findings = found.lines.map(line => JSON.parse(line));
    expect(findings[0]).toMatchObject({
      kind: 'amendment-left',
      remedy: expect.stringMatching(/^run it again/),
    });
    // Of the archive there is nothing to find: it is the one that the report tells of.
    for (const { kind } of findings.slice(1)) expect(kind).toMatch(/^journal-(left|damaged)$/);
    expect(found.code).toBe(22);
    const listed = await runCommand(ls, folder, ['--json', 's3://bucket/sessions'], { env });
    expect(listed.lines.map(line => JSON.parse(line))).toMatchObject([{ session: name, state: 'saved' }]);
    const shown = await runCommand(show, folder, [url], { env });
    expect(shown.lines.join('\n')).toContain(`What to do\n  craftassist-session amend --yes ${url}`);

    const later = await openS3({ objects: await agedObjectsOf(s3) });
    const again = fixture.start(later.env, 'amend', ...args);
    expect(await again.ended(), again.stderr()).toMatchObject({ code: 0 });
    await expectAmended(folder, url, later.env);
    const keys = later.s3.objects().map(({ key }) => key);
    expect(keys.filter(key => key.startsWith(`sessions/${name}/`))).toHaveLength(1);
    const own = keys.filter(key => key.includes('/.sessions/') && !/\/journal\/\d{8}\.tar\.gz$/.test(key));
    expect(own.toSorted()).toEqual(
      ['archive-index.jsonl.gz', 'claim.json', 'session.json'].map(
        file => `sessions/.sessions/${name}/${file}`,
      ),
    );
    expect(keys).not.toContain(`sessions/.sessions/${name}/journal/00000001.tar.gz`);
  },
);
