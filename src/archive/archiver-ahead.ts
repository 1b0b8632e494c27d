import { type ArchiverProcess, startArchiver } from './archiver-process.ts';

/** Room for the chunks that stores ask for, but of archives of more than 70 GiB. */
const CHUNK_BYTES = 8 << 20;

/**
 * An archiver that is started before it is known what it packs, or whether: its start takes longer than a small archive.
 * Disposed of, it is killed if nobody has taken it. Whatever becomes of it, nobody waits for it, and none of this throws.
 */
export interface ArchiverAhead extends Disposable {
  start(): void;
  /** Whether it waits for its order, with all that it needs in memory. */
  isReady(): boolean;
  /** Hands it over, once. @returns undefined: there is none, or it has not the room; start another one */
  take(chunkBytes: number): Promise<ArchiverProcess | undefined>;
}

/** @param isal the path of ISA-L's addon; undefined: no archiver is needed, and none is started */
export function archiverAhead(isal: string | undefined): ArchiverAhead {
  let starting: Promise<ArchiverProcess | undefined> | undefined;
  let ready: ArchiverProcess | undefined;

  async function start(path: string): Promise<ArchiverProcess | undefined> {
    try {
      const archiver = await startArchiver(path, CHUNK_BYTES);
      archiver.child.once('message', () => {
        ready = archiver;
      });
      return archiver;
    } catch {
      // Whoever starts another one is told why that fails.
      return undefined;
    }
  }

  async function release(): Promise<ArchiverProcess | undefined> {
    const released = starting;
    starting = undefined;
    return released;
  }

  return {
    start: () => {
      if (isal !== undefined) starting = start(isal);
    },
    isReady: () => starting !== undefined && ready !== undefined && isAlive(ready),
    async take(chunkBytes) {
      const archiver = await release();
      if (archiver === undefined || (isAlive(archiver) && chunkBytes <= CHUNK_BYTES)) return archiver;
      await discard(archiver);
      return undefined;
    },
    [Symbol.dispose]: () => void release().then(discard),
  };
}

/** It is killed first: that its file cannot be closed after that costs nobody anything. */
async function discard(archiver: ArchiverProcess | undefined): Promise<void> {
  await archiver?.[Symbol.asyncDispose]().then(undefined, () => undefined);
}

function isAlive({ child }: ArchiverProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}
