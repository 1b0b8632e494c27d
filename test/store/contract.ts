import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AlreadyExistsError, PermanentError, type Store } from '../../src/store/store.ts';
import { bytesOf, digestOf, digestOfBytes, inChunks, thenFails, thenIdle } from './archives.ts';

/** A store to put to the test. */
export interface Stage {
  readonly destination: Store;
  /** Everything that is really there, finished or not. */
  readonly leftovers: () => Promise<string[]>;
  readonly close: () => Promise<void>;
}

/** What every store has to do. */
export function describeContract(kind: string, openStage: () => Promise<Stage>): void {
  describe(`a store in ${kind}`, () => {
    let stage: Stage;
    let destination: Store;
    const signal = new AbortController().signal;
    const calm = { signal, stallMs: 20_000 };

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

    test.for([
      ['small', 10],
      ['large', 20_000_000],
    ] as const)(
      'never overwrites: a %s archive is refused and the one that is there stays',
      async ([, size]) => {
        const chunkBytes = destination.chunkBytes(size);
        const before = bytesOf(size, 1);
        await destination.store('logs.tar', inChunks(before, chunkBytes), calm);
        const again = destination.store('logs.tar', inChunks(bytesOf(size, 2), chunkBytes), calm);
        await expect(again).rejects.toThrow(AlreadyExistsError);
        expect(await digestOf(await destination.get('logs.tar', signal))).toBe(digestOfBytes(before));
        expect(await stage.leftovers()).toEqual(['logs.tar']);
      },
    );

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
      const storing = destination.store('x.tar', source, { signal, stallMs: 400 });
      await expect(storing).rejects.toThrow(/could not save x\.tar to .*: no byte has moved for 0\.4 s/);
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

    test('a small object is written, replaced, and not replaced if it must be absent', async () => {
      await destination.put('session.json', Buffer.from('one'), { signal });
      await destination.put('session.json', Buffer.from('two'), { signal });
      const third = destination.put('session.json', Buffer.from('three'), { signal, ifAbsent: true });
      await expect(third).rejects.toThrow(AlreadyExistsError);
      expect(await digestOf(await destination.get('session.json', signal))).toBe(
        digestOfBytes(Buffer.from('two')),
      );
      await destination.put('other.json', Buffer.from('new'), { signal, ifAbsent: true });
      expect(await stage.leftovers()).toEqual(['other.json', 'session.json']);
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
