/**
 * The clock and the chance of this process, both decided by a seed. It has to be imported before anything of the
 * product, which keeps some of what is replaced here. With one thread in libuv's pool (UV_THREADPOOL_SIZE=1) a run is
 * the same each time: what real files and zlib take is then done in the order in which it was begun.
 */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import zlib from 'node:zlib';
import { install } from '@sinonjs/fake-timers';
import { createRandom, type Random } from '../support/random.ts';

if (process.env.UV_THREADPOOL_SIZE !== '1') throw new Error('start it with UV_THREADPOOL_SIZE=1');

const realTurn = setImmediate;
const START_MS = Date.UTC(2025, 0, 1);
/** No run takes so long; what does waits for what never happens. */
const LONGEST_MS = 48 * 3_600_000;

let chance = createRandom(0);
let inZlib = 0;

const clock = install({
  now: START_MS,
  toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
});
AbortSignal.timeout = ms => {
  const timeout = new AbortController();
  setTimeout(() => timeout.abort(new DOMException('it took too long', 'TimeoutError')), ms);
  return timeout.signal;
};
Math.random = () => chance.fraction();
// It counts for how often a large tree is scanned.
process.cpuUsage = () => ({ user: 0, system: 0 });
Object.assign(crypto, { randomUUID: () => uuid(chance) });
// Node does not tell whether one of these is under way.
Object.assign(zlib, {
  gzip: counted(zlib.gzip),
  gunzip: counted(zlib.gunzip),
  deflateRaw: counted(zlib.deflateRaw),
});
syncBuiltinESMExports();

/** Begins a run: at the same time, with the same chance. */
export function beginRun(seed: number): void {
  clock.reset();
  clock.setSystemTime(START_MS);
  chance = createRandom(seed);
}

/**
 * Runs what waits for the clock: whenever nothing else is under way, the clock goes on to the next timer.
 * @throws when it waits for what never happens
 */
export async function live<T>(work: Promise<T>): Promise<T> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  work.then(over, over);
  for (;;) {
    await settle();
    if (isOver) return work;
    if (clock.countTimers() === 0) throw new Error('nothing is under way any more, and it has not ended');
    if (performance.now() > LONGEST_MS) throw new Error('it does not end');
    clock.next();
  }
}

/** Sets this machine's clock: files get the new time, timers run on. */
export function jumpClock(ms: number): void {
  clock.setSystemTime(Date.now() + ms);
}

/** Until all that was begun is done, and all that this has begun as well, and only timers are waited for. */
async function settle(): Promise<void> {
  for (let quiet = 0; quiet < 2; ) {
    await new Promise(resolve => realTurn(resolve));
    quiet = inZlib === 0 && !process.getActiveResourcesInfo().some(isFileRequest) ? quiet + 1 : 0;
  }
}

function isFileRequest(kind: string): boolean {
  return kind.startsWith('FSReq') || kind === 'CloseReq' || kind === 'FileHandleCloseReq';
}

function counted(call: (...args: never[]) => void) {
  return (...args: unknown[]) => {
    const callback = args.pop();
    if (typeof callback !== 'function') throw new Error('it is called with a callback');
    inZlib += 1;
    const done = (...results: unknown[]) => {
      inZlib -= 1;
      Reflect.apply(callback, undefined, results);
    };
    return Reflect.apply(call, zlib, [...args, done]);
  };
}

function uuid({ noise }: Random): string {
  const hex = noise(16).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}
