import { Worker } from 'node:worker_threads';

export interface WatchdogOptions {
  /** Whether the main thread may come to wait for a file system for ever. It is asked every few seconds. */
  readonly isNeeded: () => boolean;
  /** The time from a stop request to the end of the process. */
  readonly stopTimeoutMs: number;
  /** How long the main thread may hang without a stop request. */
  readonly hangMs: number;
  /** The process's exit code, until another one is set. */
  readonly exitCode: number;
  /** Told once where there cannot be one. */
  readonly onFault: (error: unknown) => void;
}

export interface Watchdog extends Disposable {
  setExitCode(code: number): void;
}

const BEAT_MS = 500;
const BEATS_PER_LOOK = 10;

/**
 * Ends the process where its main thread cannot any more: in a synchronous call to a network file system that does not
 * answer. A thread of its own hears the signals as well; where the main thread has stopped its beat it sends SIGTERM to
 * the children, and at the deadline kills them and ends the process with its exit code. The thread takes 10 MiB: it is
 * started when it is needed.
 */
export function startWatchdog(options: WatchdogOptions): Watchdog {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  Atomics.store(shared, CODE, options.exitCode);
  let thread: Worker | undefined;
  let beats = 0;
  const timer = setInterval(beat, BEAT_MS).unref();
  beat();

  function beat(): void {
    if (thread === undefined && beats % BEATS_PER_LOOK === 0 && options.isNeeded()) start();
    beats += 1;
    Atomics.add(shared, BEATS, 1);
  }

  function start(): void {
    const { stopTimeoutMs, hangMs, onFault } = options;
    try {
      thread = new Worker(`(${watch})(require, require('node:worker_threads').workerData)`, {
        eval: true,
        // A thread has no public way to call execve, and none to hear signals.
        execArgv: ['--expose-internals', '--no-warnings'],
        workerData: { shared, stopTimeoutMs, hangMs },
        resourceLimits: { maxOldGenerationSizeMb: 16 },
      });
      thread.on('error', onFault).unref();
    } catch (error) {
      clearInterval(timer);
      onFault(error);
    }
  }

  return {
    setExitCode: code => void Atomics.store(shared, CODE, code),
    [Symbol.dispose]() {
      clearInterval(timer);
      void thread?.terminate();
    },
  };
}

const BEATS = 0;
const CODE = 1;

interface ThreadData {
  readonly shared: Int32Array;
  readonly stopTimeoutMs: number;
  readonly hangMs: number;
}

/** The thread. Its text is what is run: it may use nothing from outside of it. */
function watch(load: NodeJS.Require, { shared, stopTimeoutMs, hangMs }: ThreadData): void {
  const { readdirSync, readFileSync, write } = load('node:fs') as typeof import('node:fs');
  const { internalBinding } = load('internal/test/binding');
  const { Signal } = internalBinding('signal_wrap');
  const { execve } = internalBinding('process_methods');
  const [lookMs, hangsAfterMs, togetherMs, reserveMs] = [500, 2_000, 1_000, 1_000];
  let beats = 0;
  let beatAtMs = performance.now();
  let stopAtMs: number | undefined;
  let isTold = false;

  const signals = [1, 2, 3, 15].map(number => {
    const signal = new Signal();
    signal.onsignal = () => onSignal(number);
    signal.start(number);
    return { number, signal };
  });
  setInterval(look, lookMs);

  /**
   * The kernel gives a signal to the main thread (complete_signal in kernel/signal.c), which takes it once its call
   * returns. Whoever changes its own mask, as libuv does to start a handle, is given what is pending.
   */
  function takePendingSignals(): void {
    for (const { number, signal } of signals) {
      signal.stop();
      signal.start(number);
    }
  }

  function onSignal(number: number): void {
    const nowMs = performance.now();
    if (stopAtMs === undefined) stopAtMs = nowMs;
    else if (number !== 1 && hangs() && nowMs - stopAtMs > togetherMs) end(128 + number);
  }

  function hangs(): boolean {
    return performance.now() - beatAtMs >= hangsAfterMs;
  }

  function look(): void {
    takePendingSignals();
    const nowMs = performance.now();
    const now = Atomics.load(shared, 0);
    if (now !== beats) [beats, beatAtMs] = [now, nowMs];
    if (!hangs()) return;
    if (nowMs - beatAtMs >= hangMs) end(Atomics.load(shared, 1));
    if (stopAtMs === undefined) return;
    if (!isTold) tell();
    if (nowMs - stopAtMs >= stopTimeoutMs - reserveMs - lookMs) end(Atomics.load(shared, 1));
  }

  function tell(): void {
    isTold = true;
    const text =
      'stopping without saving: a call to a file system hangs: look for a mount that does not answer\n';
    write(2, text, () => undefined);
    signalChildren('SIGTERM');
  }

  /** Each child leads a session: see process/child.ts. */
  function signalChildren(name: NodeJS.Signals): void {
    const all = readdirSync('/proc')
      .filter(pid => /^\d+$/.test(pid))
      .map(readProcess);
    const leaders = new Set(all.filter(({ parent }) => parent === process.pid).map(({ pid }) => pid));
    const groups = new Set(all.filter(({ session }) => leaders.has(session)).map(({ group }) => group));
    for (const group of groups) {
      try {
        process.kill(-group, name);
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  /** See parseStat in process/procfs.ts. */
  function readProcess(pid: string) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const [, parent, group, session] = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number);
      return { pid: Number(pid), parent, group: group ?? 0, session: session ?? 0 };
    } catch {
      return { pid: 0, parent: 0, group: 0, session: 0 };
    }
  }

  function end(code: number): void {
    signalChildren('SIGKILL');
    execve('/bin/sh', ['sh', '-c', `exit ${code}`], []);
  }
}
