import { join } from 'node:path';
import type { ServerLogResult } from '../minecraft/game-server.ts';
import { createSessionMarker } from '../process/leftovers.ts';
import { recordStack } from '../process/stack.ts';
import { timeoutSignal, within } from '../runtime/abort.ts';
import { errorText } from '../runtime/text.ts';
import { endBeforeStart, waitForEnd } from './end-conditions.ts';
import { describeEndReason, type EndReason, refineEndReason } from './end-reason.ts';
import { findIncomplete } from './incomplete.ts';
import type { SessionProcesses } from './processes.ts';
import type { SessionRuntime } from './runtime.ts';
import { type ShutdownResult, shutDown } from './shutdown.ts';
import { startProcesses } from './start-processes.ts';

export interface ProcessesResult {
  readonly processes: SessionProcesses;
  readonly end: EndReason;
  readonly shutdown: ShutdownResult;
  /** What may be missing of what they had to write, each a sentence. */
  readonly incomplete: readonly string[];
  /** undefined: there was no server, or its log could not be read. */
  readonly serverLog: ServerLogResult | undefined;
}

/** A call to a file system that does not answer cannot be cancelled: a session goes on to its end without it. */
const FILE_CALLS_MS = 3_000;

/**
 * Starts setup, server and agent, and shuts them down when the first end condition holds: once this has returned, not
 * one process of the session is alive. It never rejects.
 * @param onEnding called when they are about to be shut down
 */
export async function runProcesses(runtime: SessionRuntime, onEnding: () => void): Promise<ProcessesResult> {
  const { log, status } = runtime;
  const processes: SessionProcesses = { marker: createSessionMarker(), children: [] };
  const end = endBeforeStart(runtime) ?? (await runUntilEnd(runtime, processes));
  log.info({ event: 'session_ending', end: end.kind }, `session ending: ${describeEndReason(end)}`);
  onEnding();
  if (end.kind === 'server-hung') await recordServerStack(runtime, processes);
  status.startPhase('stopping');
  const shutdown = await shutDown(runtime, processes, end);
  const incomplete = findIncomplete(processes.children, shutdown);
  for (const text of incomplete) log.warn({ event: 'session_incomplete' }, text);
  const serverLog = await finishServerLog(runtime, processes);
  return {
    processes,
    end: serverLog === undefined ? end : refineEndReason(end, serverLog),
    shutdown,
    incomplete,
    serverLog,
  };
}

async function runUntilEnd(runtime: SessionRuntime, processes: SessionProcesses): Promise<EndReason> {
  const over = new AbortController();
  const startup = startProcesses(runtime, processes, over.signal);
  try {
    return await waitForEnd({ runtime, processes, startup, over: over.signal });
  } catch (error) {
    return { kind: 'bug', error };
  } finally {
    over.abort();
    // What was in the middle of a step gives up here, so that nothing is started behind the shutdown's back.
    const givenUp = startup.catch(error =>
      runtime.log.debug({ event: 'startup_interrupted', err: error }, 'startup interrupted'),
    );
    await within(FILE_CALLS_MS, givenUp);
  }
}

/** gdb takes a second or two. */
const STACK_MS = 10_000;

/** What a server that has hung does, for whoever is to find out why. It never rejects. */
async function recordServerStack(
  { config, log, signals }: SessionRuntime,
  { server }: SessionProcesses,
): Promise<void> {
  if (server?.pid === undefined) return;
  const file = join(config.workdir, 'server_hung.txt');
  const signal = timeoutSignal(STACK_MS, signals.stopRequested);
  try {
    await recordStack(server.pid, { file, path: config.children.env.PATH, signal });
    log.info({ event: 'server_stack_recorded', path: file }, 'what the server did when it hung is recorded');
  } catch (error) {
    log.warn({ event: 'server_stack_missing', why: errorText(error) }, 'what the server did is not recorded');
  }
}

async function finishServerLog(
  { log }: SessionRuntime,
  { gameServer }: SessionProcesses,
): Promise<ServerLogResult | undefined> {
  try {
    return gameServer && (await within(FILE_CALLS_MS, gameServer.finishLog()));
  } catch (error) {
    log.warn({ event: 'server_log_unreadable', err: error }, 'server log could not be read');
    return undefined;
  } finally {
    await gameServer?.beat?.[Symbol.asyncDispose]();
  }
}
