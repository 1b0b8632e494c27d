import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { within } from './abort.ts';

/** Where lines go that nobody must wait for: the console, the log's file. */
export interface Output {
  /** Takes what is to be written next, and returns at once. Resolves when it is written, or never will be. */
  write(data: string | Uint8Array): Promise<void>;
  /** Waits until everything is written, or cannot be, but no longer than so long. @returns whether nothing waits any more */
  flush(withinMs: number): Promise<boolean>;
  /** How many writes wait, or are on their way. */
  waiting(): number;
  /** What was lost since this was last asked; undefined: nothing. */
  takeLoss(): Loss | undefined;
  /** Calls the listener when something was lost, and it is known how much: nothing waits any more. */
  onLoss(listener: () => void): void;
}

export interface Loss {
  /** How many writes: each is a line, or a few. */
  readonly lines: number;
  readonly why: string;
}

/** What waits for a reader at most; beyond it the oldest goes, so that the last lines of a session are kept. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

const MAX_WRITE_BYTES = 64 * 1024;

/** Full: a pipe or terminal that nobody reads at the moment. */
const FULL_WAIT_MS = { first: 1, most: 50 };

/** A disk may have room again. */
const NO_SPACE_WAIT_MS = 500;

interface Waiting {
  readonly bytes: Uint8Array;
  readonly done: () => void;
}

/**
 * Opens an output on a descriptor: whatever is at its other end, writing costs no time, and never throws. One write is
 * on its way at a time. (A stream of Node's waits for a terminal that is stopped by Ctrl-S, with the whole process; a
 * log library's flush at the exit waits for any.)
 */
export function openOutput(descriptor: number): Output {
  const fd = nonBlocking(descriptor);
  let queue: Waiting[] = [];
  let batch: Waiting[] = [];
  let waitingBytes = 0;
  let draining: Promise<void> | undefined;
  let broken: string | undefined;
  let lines = 0;
  let why = '';
  let listener: (() => void) | undefined;

  function lose(lost: readonly Waiting[], reason: string): void {
    lines += lost.length;
    why = reason;
    for (const { done } of lost) done();
  }

  function dropOldest(): void {
    let n = 0;
    while (waitingBytes > MAX_WAITING_BYTES && n < queue.length - 1)
      waitingBytes -= queue[n++]?.bytes.length ?? 0;
    if (n > 0) lose(queue.splice(0, n), 'nobody read them in time');
  }

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      batch = takeBatch();
      const fault = await writeAll(fd, Buffer.concat(batch.map(({ bytes }) => bytes)));
      if (fault === undefined) {
        for (const { done } of batch) done();
      } else {
        broken = fault;
        lose([...batch, ...queue], fault);
        queue = [];
        waitingBytes = 0;
      }
    }
    batch = [];
    draining = undefined;
    if (lines > 0) listener?.();
  }

  function takeBatch(): Waiting[] {
    let n = 0;
    let size = 0;
    do size += queue[n++]?.bytes.length ?? 0;
    while (n < queue.length && size + (queue[n]?.bytes.length ?? 0) <= MAX_WRITE_BYTES);
    waitingBytes -= size;
    return queue.splice(0, n);
  }

  return {
    write(data) {
      const { promise, resolve: done } = Promise.withResolvers<void>();
      const waiting = { bytes: typeof data === 'string' ? Buffer.from(data) : data, done };
      if (broken !== undefined) {
        lose([waiting], broken);
        return promise;
      }
      queue.push(waiting);
      waitingBytes += waiting.bytes.length;
      dropOldest();
      draining ??= drain();
      return promise;
    },
    async flush(withinMs) {
      if (draining !== undefined) await within(withinMs, draining);
      return draining === undefined;
    },
    waiting: () => batch.length + queue.length,
    takeLoss() {
      const loss = lines > 0 ? { lines, why } : undefined;
      lines = 0;
      return loss;
    },
    onLoss(lost) {
      listener = lost;
    },
  };
}

/** @returns why it cannot be written; undefined: it is written, however long that took. */
async function writeAll(fd: number, bytes: Uint8Array): Promise<string | undefined> {
  let fullMs = FULL_WAIT_MS.first;
  for (let at = 0; at < bytes.length; ) {
    const result = await writeSome(fd, bytes.subarray(at));
    if (typeof result === 'number') {
      at += result;
      fullMs = FULL_WAIT_MS.first;
    } else if (result.code === 'EAGAIN') {
      await delay(fullMs);
      fullMs = Math.min(2 * fullMs, FULL_WAIT_MS.most);
    } else if (result.code === 'ENOSPC' || result.code === 'EDQUOT') {
      await delay(NO_SPACE_WAIT_MS);
    } else {
      return result.message;
    }
  }
  return undefined;
}

function writeSome(fd: number, bytes: Uint8Array): Promise<number | NodeJS.ErrnoException> {
  return new Promise(resolve => fs.write(fd, bytes, (error, written) => resolve(error ?? written)));
}

/**
 * A descriptor that no write waits on. Of a pipe or a terminal it is one of our own, since whoever shares the given one
 * may set it to wait again, and shall not find that it does not. A file is always ready, or its disk hangs.
 */
function nonBlocking(fd: number): number {
  const stats = fs.fstatSync(fd);
  if (stats.isFile()) return fd;
  try {
    const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = fs.constants;
    return fs.openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    // A socket, another user's, or a system without /proc: to make a stream of it makes it one that does not wait.
    if (fd === 1) void process.stdout;
    if (fd === 2) void process.stderr;
    return fd;
  }
}
