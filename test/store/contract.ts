import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  AlreadyExistsError,
  ConditionRefusedError,
  PermanentError,
  type Store,
} from '../../src/store/store.ts';
import { bytesOf, digestOf, digestOfBytes, inChunks, thenFails, thenIdle } from './archives.ts';

/** A store to put to the test. */
export interface Stage {
  readonly destination: Store;
  /** Everything that is really there, finished or not. */
  readonly leftovers: () => Promise<string[]>;
  readonly close: () => Promise<void>;
}

/** In what stores differ. */
export interface Traits {
  /** What becomes of `If-None-Match: *`, by the size of what is stored: large archives are sent in parts. */
  readonly conditions: { readonly small: 'honoured' | 'refused'; readonly large: 'honoured' | 'ignored' };
  /** Longer than it takes to answer any request. */
  readonly stallMs: number;
}

const USUAL: Traits = { conditions: { small: 'honoured', large: 'honoured' }, stallMs: 400 };

const TWICE = {
  honoured: 'is refused where there is one, which stays',
  ignored: 'replaces one in spite of its condition, which the store ignores',
  refused: 'is refused for its condition, and leaves nothing',
};

/** What every store has to do. */
export function describeContract(
  kind: string,
  openStage: () => Promise<Stage>,
  { conditions, stallMs }: Traits = USUAL,
): void {
  describe(`a store in ${kind}`, () => {
    let stage: Stage;
    let destination: Store;
    const signal = new AbortController().signal;
    const calm = { signal, stallMs: 20_000, ifAbsent: conditions.small !== 'refused' };

    beforeEach(async () => {
      stage = await openStage();
      destination = stage.destination;
    });
    afterEach(async () => {
      destination.close();
      await stage.close();
    });

    async function keysOf(prefix: string): Promise<string[]> {
      const keys: string[] = [];
      for await (const { key } of destination.list(prefix, signal)) keys.push(key);
      return keys;
    }

    test('is ready, and the check leaves nothing behind', async () => {
      expect(await destination.check(signal)).toEqual({ state: 'ok' });
      expect(await stage.leftovers()).toEqual([]);
    });

    test.for([
      ['nothing', () => 0],
      ['one byte', () => 1],
      ['a byte less than a chunk', chunk => chunk - 1],
      ['a chunk', chunk => chunk],
      ['a byte more than a chunk', chunk => chunk + 1],
      ['several chunks', chunk => 3 * chunk],
      ['several chunks and a bit', chunk => 9 * chunk + 12_345],
    ] as const satisfies readonly (readonly [string, (chunk: number) => number])[])(
      'stores an archive of %s whole',
      async ([, size]) => {
        const chunkBytes = destination.chunkBytes(1_000_000);
        const archive = bytesOf(size(chunkBytes));
        const progress: number[] = [];
        const onProgress = (bytes: number) => void progress.push(bytes);
        const stored: Buffer[] = [];
        const onStored = (chunk: Buffer) => void stored.push(chunk);

        const receipt = await destination.store('a/logs.tar.gz', inChunks(archive, chunkBytes), {
          ...calm,
          onProgress,
          onStored,
        });

        expect(receipt).toMatchObject({ key: 'a/logs.tar.gz', bytes: archive.length, verified: true });
        expect(receipt.url.startsWith(`${destination.url}/a/`)).toBe(true);
        expect(await digestOf(await destination.get('a/logs.tar.gz', signal))).toBe(digestOfBytes(archive));
        expect(progress).toEqual([...progress].sort((a, b) => a - b));
        if (archive.length > 0) expect(progress.at(-1)).toBe(archive.length);
        const places = stored.filter(({ length }) => length > 0).map(({ byteOffset }) => byteOffset);
        expect(places.sort((a, b) => a - b)).toEqual(
          Array.from(Array(Math.ceil(archive.length / chunkBytes)), (_, i) => i * chunkBytes),
        );
        expect(await stage.leftovers()).toEqual(['a/logs.tar.gz']);
      },
    );

    for (const [size, bytes] of [
      ['small', 10],
      ['large', 20_000_000],
    ] as const)
      test(`a ${size} archive that must not overwrite ${TWICE[conditions[size]]}`, async () => {
        const archives = [bytesOf(bytes, 1), bytesOf(bytes, 2)] as const;
        const store = (archive: Buffer) =>
          destination.store('logs.tar', inChunks(archive, destination.chunkBytes(bytes)), {
            ...calm,
            ifAbsent: true,
          });
        if (conditions[size] === 'refused') {
          await expect(store(archives[0])).rejects.toThrow(ConditionRefusedError);
          expect(await stage.leftovers()).toEqual([]);
          return;
        }
        await store(archives[0]);
        const again = store(archives[1]);
        if (conditions[size] === 'ignored') await again;
        else await expect(again).rejects.toThrow(AlreadyExistsError);
        const left = archives[conditions[size] === 'ignored' ? 1 : 0];
        expect(await digestOf(await destination.get('logs.tar', signal))).toBe(digestOfBytes(left));
        expect(await stage.leftovers()).toEqual(['logs.tar']);
      });

    test.for([0, 1, 3])(
      'a source that fails after %i chunks is the cause, and leaves nothing',
      async count => {
        const chunk = bytesOf(destination.chunkBytes(0));
        const broken = new Error('disk on fire');
        const storing = destination.store('x.tar', thenFails(Array(count).fill(chunk), broken), calm);
        const error = await storing.catch((caught: unknown) => caught);
        expect(error).toMatchObject({ message: expect.stringContaining('disk on fire'), cause: broken });
        expect(error).not.toBeInstanceOf(PermanentError);
        expect(await stage.leftovers()).toEqual([]);
      },
    );

    test.for([0, 1, 3])('an abort while the source is idle after %i chunks ends promptly', async count => {
      const chunk = bytesOf(destination.chunkBytes(0));
      const source = thenIdle(Array(count).fill(chunk));
      const abort = new AbortController();
      const reason = new Error('out of time');
      const storing = destination.store('x.tar', source, {
        signal: abort.signal,
        stallMs: 20_000,
        onProgress: bytes => bytes === count * chunk.length && abort.abort(reason),
      });
      if (count === 0) setImmediate(() => abort.abort(reason));
      await expect(storing).rejects.toBe(reason);
      expect(source.isClosed).toBe(true);
      expect(await stage.leftovers()).toEqual([]);
    });

    test('a signal that is aborted already stores nothing', async () => {
      const options = { signal: AbortSignal.abort(new Error('too late')), stallMs: 1000 };
      await expect(destination.store('x', inChunks(bytesOf(10), 10), options)).rejects.toThrow('too late');
      await expect(destination.put('x', bytesOf(10), options)).rejects.toThrow('too late');
      expect(await stage.leftovers()).toEqual([]);
    });

    test('a source that stalls is given up', async () => {
      const source = thenIdle([bytesOf(destination.chunkBytes(0))]);
      const storing = destination.store('x.tar', source, { signal, stallMs });
      await expect(storing).rejects.toThrow(
        new RegExp(`could not save x\\.tar to .*: no byte has moved for ${stallMs / 1000} s`),
      );
      expect(source.isClosed).toBe(true);
      expect(await stage.leftovers()).toEqual([]);
    });

    test('two archives are stored at the same time', async () => {
      const chunkBytes = destination.chunkBytes(0);
      const archives = [bytesOf(2 * chunkBytes + 1, 1), bytesOf(2 * chunkBytes + 2, 2)];
      await Promise.all(
        archives.map((bytes, i) => destination.store(`${i}`, inChunks(bytes, chunkBytes), calm)),
      );
      for (const [i, bytes] of archives.entries())
        expect(await digestOf(await destination.get(`${i}`, signal))).toBe(digestOfBytes(bytes));
    });

    test('a small object is written and replaced', async () => {
      await destination.put('session.json', Buffer.from('one'), { signal });
      await destination.put('session.json', Buffer.from('two'), { signal });
      expect(await digestOf(await destination.get('session.json', signal))).toBe(
        digestOfBytes(Buffer.from('two')),
      );
      expect(await stage.leftovers()).toEqual(['session.json']);
    });

    test(`a small object that must not overwrite ${TWICE[conditions.small]}`, async () => {
      const put = (text: string) =>
        destination.put('session.json', Buffer.from(text), { signal, ifAbsent: true });
      if (conditions.small === 'refused') {
        await expect(put('one')).rejects.toThrow(ConditionRefusedError);
        expect(await stage.leftovers()).toEqual([]);
        return;
      }
      await put('one');
      await expect(put('two')).rejects.toThrow(AlreadyExistsError);
      expect(await digestOf(await destination.get('session.json', signal))).toBe(
        digestOfBytes(Buffer.from('one')),
      );
    });

    test('an object that is not there reads as undefined and does not exist', async () => {
      await destination.put('there', bytesOf(1), { signal });
      expect(await destination.get('not/there', signal)).toBeUndefined();
      expect(await destination.exists('not/there', signal)).toBe(false);
      expect(await destination.exists('there', signal)).toBe(true);
    });

    test('keys of any characters come back as they were', async () => {
      const keys = ['2026-11-22T10:53:13+00:00/a b', 'ünïcødé/日本', "q?u=e&r#y%20/it's.tar"];
      for (const key of keys) await destination.put(key, Buffer.from(key), { signal });
      expect((await keysOf('')).sort()).toEqual([...keys].sort());
      for (const key of keys)
        expect(await digestOf(await destination.get(key, signal))).toBe(digestOfBytes(Buffer.from(key)));
    });

    test.for(['../x', 'a/../../x', '/etc/x', 'a//b', '', '.', 'a/./b', 'a\0b', 'x'.repeat(1025)])(
      'the key %j is refused',
      async key => {
        await expect(destination.put(key, bytesOf(1), { signal })).rejects.toThrow(PermanentError);
        await expect(destination.store(key, inChunks(bytesOf(1), 1), calm)).rejects.toThrow(PermanentError);
        expect(await stage.leftovers()).toEqual([]);
      },
    );

    test('lists below a prefix, in the order of the bytes of the keys', async () => {
      const keys = ['j/00000002', 'j/00000001', 'j.x', 'j/a/b', 'j/a.b', 'k', 'j/é', 'j/z'];
      for (const key of keys) await destination.put(key, Buffer.from(key), { signal });
      expect(await keysOf('j/')).toEqual(['j/00000001', 'j/00000002', 'j/a.b', 'j/a/b', 'j/z', 'j/é']);
      expect(await keysOf('j')).toEqual(['j.x', 'j/00000001', 'j/00000002', 'j/a.b', 'j/a/b', 'j/z', 'j/é']);
      expect(await keysOf('j/a')).toEqual(['j/a.b', 'j/a/b']);
      expect(await keysOf('nothing/here')).toEqual([]);
      for await (const { bytes, modifiedMs } of destination.list('j/0', signal)) {
        expect(bytes).toBe('j/00000001'.length);
        expect(Math.abs(Date.now() - modifiedMs)).toBeLessThan(60_000);
      }
    });

    test('deletes what is there, and minds nothing that is gone', async () => {
      for (const key of ['a/1', 'a/2', 'b']) await destination.put(key, bytesOf(3), { signal });
      await destination.delete(['a/1', 'a/2', 'a/3', 'never/was'], signal);
      await destination.delete([], signal);
      expect(await stage.leftovers()).toEqual(['b']);
    });
  });
}
