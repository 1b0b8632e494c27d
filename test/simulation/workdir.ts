import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Content, Tree } from '../proof/model.ts';
import { jumpClock } from './world.ts';

/** What is done to one file; a program that appends to a file that is not there makes it. */
export interface Deed {
  readonly kind: 'append' | 'rewrite' | 'replace' | 'cut' | 'rename' | 'remove';
  readonly file: string;
  readonly bytes: number;
  /** After the deed before it. */
  readonly afterMs: number;
}

export const FILES = ['agent.log', 'server.log', 'state.json', 'world/r.0.0.mca', 'world/level.dat'] as const;

/** A working directory, and all that has ever been in it. */
export interface Workdir {
  readonly folder: string;
  readonly written: ReadonlyMap<string, readonly Content[]>;
  do(deed: Deed): void;
  jump(ms: number): void;
  /** When this machine's clock first showed a time, by performance.now(). */
  momentOf(wallMs: number): number;
  /** What each path had before a moment. */
  before(atMs: number): Tree;
}

interface State {
  /** performance.now() */
  readonly atMs: number;
  readonly bytes: Buffer | undefined;
}

export function createWorkdir(folder: string): Workdir {
  const written = new Map<string, { bytes: Buffer | undefined; grows: boolean }[]>();
  const states = new Map<string, State[]>();
  /** Which of a path's contents is the first one since there was no file. */
  const born = new Map<string, number>();
  /** How far the clock was ahead of performance.now(), and since when. */
  const clocks = [{ sinceMs: performance.now(), aheadMs: Date.now() - performance.now() }];
  let deeds = 0;

  function note(
    path: string,
    bytes: Buffer | undefined,
    how: 'grown' | 'log' | 'whole',
    isNew: boolean,
  ): void {
    const contents = written.get(path) ?? [];
    written.set(path, contents);
    const last = contents.at(-1);
    if (how === 'grown' && last !== undefined) last.bytes = bytes;
    else contents.push({ bytes, grows: how === 'log' });
    if (isNew) born.set(path, contents.length - 1);
    const before = states.get(path) ?? [];
    states.set(path, before);
    before.push({ atMs: performance.now(), bytes });
  }

  /** The kernel would give them the simulated clock's time. */
  function touch(paths: readonly string[]): void {
    for (const path of paths) utimesSync(path, Date.now() / 1_000, Date.now() / 1_000);
  }

  /** @returns what has a new time */
  function act({ kind, file, bytes }: Deed): string[] {
    deeds += 1;
    const path = join(folder, file);
    const parent = dirname(path);
    if (mkdirSync(parent, { recursive: true }) !== undefined) touch([parent]);
    const isThere = existsSync(path);
    const last = written.get(file)?.at(-1);
    // No two contents begin alike, so that each can be told from all others.
    const content = text(`${isThere && kind === 'append' ? '\n' : ''}${deeds} ${kind} ${file} `, bytes);
    switch (kind) {
      case 'append':
        appendFileSync(path, content);
        note(file, readFileSync(path), !isThere ? 'log' : last?.grows ? 'grown' : 'whole', !isThere);
        return isThere ? [path] : [path, parent];
      case 'rewrite':
      case 'cut':
        writeFileSync(path, content);
        note(file, content, kind === 'cut' ? 'log' : 'whole', !isThere);
        return isThere ? [path] : [path, parent];
      case 'replace':
        writeFileSync(`${folder}.next`, content);
        renameSync(`${folder}.next`, path);
        note(file, content, 'whole', !isThere);
        return [path, parent];
      case 'rename': {
        if (!isThere) return [];
        const next = `${file}.${deeds}`;
        renameSync(path, join(folder, next));
        // Until its last change is sent it has its new name, and what it had before.
        written.set(next, (written.get(file) ?? []).slice(born.get(file)));
        states.set(next, [{ atMs: performance.now(), bytes: last?.bytes }]);
        note(file, undefined, 'whole', true);
        return [parent];
      }
      case 'remove':
        if (!isThere) return [];
        rmSync(path);
        note(file, undefined, 'whole', true);
        return [parent];
      default:
        return kind satisfies never;
    }
  }

  mkdirSync(folder, { recursive: true });
  touch([folder]);
  return {
    folder,
    written,
    do: deed => touch(act(deed)),
    jump(ms) {
      jumpClock(ms);
      clocks.push({ sinceMs: performance.now(), aheadMs: Date.now() - performance.now() });
    },
    momentOf(wallMs) {
      for (const [i, { sinceMs, aheadMs }] of clocks.entries()) {
        const untilMs = clocks[i + 1]?.sinceMs ?? Number.POSITIVE_INFINITY;
        if (wallMs - aheadMs < untilMs) return Math.max(sinceMs, wallMs - aheadMs);
      }
      throw new Error('the last clock has no end');
    },
    before(atMs) {
      const had = ([path, all]: [string, State[]]) => {
        const state = all.findLast(each => each.atMs < atMs);
        return state === undefined ? [] : [[path, state.bytes] as const];
      };
      return new Map([...states].flatMap(had));
    },
  };
}

/** Lines that a compressor takes for text, and that no other deed writes. */
function text(start: string, bytes: number): Buffer {
  const line = `${start.trimEnd()} ................................\n`;
  return Buffer.from(start + line.repeat(Math.ceil(bytes / line.length)).slice(0, bytes));
}
