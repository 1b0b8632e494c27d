import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Claimant, type ClaimedName, claimName, claimNextName } from '../../src/save/claim.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { openTestStore, PLAIN } from '../store/s3/support.ts';
import type { Conditions } from '../support/s3/state.ts';
import { type FaultRule, type S3Server, startS3Server } from '../support/s3-server.ts';
import { seeded } from '../support/seeded.ts';

/** What is learnt of each kind of store at the claim. */
const LEARNT = {
  honoured: 'honoured',
  'ignored-on-complete': 'honoured',
  ignored: 'ignored',
  refused: 'refused',
  'refused-as-invalid': 'refused',
} as const satisfies Record<Conditions, ClaimedName['conditions']>;
const KINDS = ['honoured', 'ignored-on-complete', 'ignored', 'refused', 'refused-as-invalid'] as const;
const signal = new AbortController().signal;
const options = { signal, root: '' };

async function openS3(
  conditions: Conditions,
  faults: readonly FaultRule[] = [],
): Promise<{ server: S3Server; store: Store }> {
  const server = await startS3Server({ conditions, faults });
  onTestFinished(() => server.close());
  const store = await openTestStore(server.url);
  onTestFinished(() => store.close());
  return { server, store };
}

async function openFolder(): Promise<Store> {
  const path = await mkdtemp(join(tmpdir(), 'claims-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return openStore({ kind: 'directory', path }, { s3: PLAIN });
}

function claimant(timestamp = 'T'): Claimant {
  return { timestamp, run: randomUUID(), startedAt: new Date().toISOString(), host: 'here' };
}

const uniqueName = ({ timestamp, run }: Claimant) => `${timestamp}.${run.slice(0, 8)}`;

describe('two sessions of one name', () => {
  test.for([...KINDS, 'a folder'] as const)(
    'that start at about the same time have two names: %s',
    async kind => {
      const store = kind === 'a folder' ? await openFolder() : (await openS3(kind)).store;
      const random = seeded(13);
      for (let round = 1; round <= 30; round += 1) {
        const two = [claimant(`T${round}`), claimant(`T${round}`)];
        const claims = two.map(async one => {
          await delay(random() * 12);
          return claimName(store, one, options);
        });
        const names = (await Promise.all(claims)).map(({ name }) => name);
        expect(new Set(names).size, names.join()).toBe(2);
        const possible = two.flatMap(one => [one.timestamp, `${one.timestamp}.2`, uniqueName(one)]);
        expect(possible).toEqual(expect.arrayContaining(names));
      }
    },
  );

  test.for(KINDS)('one after the other: the first has the plain one: %s', async kind => {
    const { store } = await openS3(kind);
    const conditions = LEARNT[kind];
    const [first, second] = [claimant(), claimant()];
    expect(await claimName(store, first, options)).toEqual({
      name: 'T',
      conditions,
      isReadable: conditions === 'honoured',
    });
    const next = conditions === 'honoured' ? 'T.2' : uniqueName(second);
    expect(await claimName(store, second, options)).toMatchObject({ name: next, conditions });
  });
});

describe('a claim', () => {
  test.for(KINDS)('whose answers are lost is still the own one: %s', async kind => {
    for (const nth of [1, 2, 3]) {
      const { store } = await openS3(kind, [
        { match: { operation: 'PutObject', nth }, do: 'reset-after-commit' },
      ]);
      expect((await claimName(store, claimant(), options)).name).toBe('T');
    }
  });

  test('whose answer is lost takes the next name where nothing can be read', async () => {
    const { store } = await openS3('honoured', [
      { match: { operation: 'PutObject', nth: 1 }, do: 'reset-after-commit' },
      { match: { operation: 'GetObject' }, do: 'deny' },
    ]);
    expect(await claimName(store, claimant(), options)).toEqual({
      name: 'T.2',
      conditions: 'honoured',
      isReadable: false,
    });
  });

  test.for(KINDS)('that is made again by the same run gives the same name: %s', async kind => {
    const { store } = await openS3(kind);
    const [first, second] = [claimant(), claimant()];
    for (const one of [first, second, second, first])
      expect((await claimName(store, one, options)).name.startsWith(one === first ? 'T' : 'T.')).toBe(true);
    expect(await claimName(store, second, options)).toEqual(await claimName(store, second, options));
  });

  test.for(['ignored', 'refused', 'refused-as-invalid'] as const)(
    'where conditions are %s and nothing can be listed has the digits of its run',
    async kind => {
      const { store } = await openS3(kind, [{ match: { operation: 'ListObjectsV2' }, do: 'deny' }]);
      const one = claimant();
      expect(await claimName(store, one, options)).toEqual({
        name: uniqueName(one),
        conditions: LEARNT[kind],
        isReadable: false,
      });
    },
  );

  test.for(KINDS)('needs the right to put objects, and no other: %s', async kind => {
    const { store } = await openS3(kind, [
      { match: { operation: ['GetObject', 'HeadObject', 'ListObjectsV2', 'DeleteObject'] }, do: 'deny' },
    ]);
    const two = [claimant(), claimant()];
    const names: string[] = [];
    for (const one of two) names.push((await claimName(store, one, options)).name);
    expect(names).toEqual(LEARNT[kind] === 'honoured' ? ['T', 'T.2'] : two.map(uniqueName));
  });

  test('does not take a name below which another run has left anything, where conditions are ignored', async () => {
    const { store } = await openS3('ignored');
    await store.put('.sessions/T/journal/00000001.tar.gz', Buffer.from('x'), { signal });
    const one = claimant();
    expect((await claimName(store, one, options)).name).toBe(uniqueName(one));
  });
});

test.for(KINDS)('the names after one whose place is taken are new ones: %s', async kind => {
  const { store } = await openS3(kind);
  const one = claimant();
  const first = await claimName(store, one, options);
  const second = await claimNextName(store, first, one, options);
  const third = await claimNextName(store, second, one, options);
  const unique = uniqueName(one);
  const expected = first.conditions === 'honoured' ? ['T', 'T.2', 'T.3'] : ['T', unique, `${unique}.2`];
  expect([first, second, third].map(({ name }) => name)).toEqual(expected);
});
