import { setTimeout } from 'node:timers/promises';
import type { SessionConfig } from '../config/session-config.ts';
import { prepareServer, type ServerLogResult } from '../minecraft/game-server.ts';
import { monitorPlayers } from '../minecraft/player-monitor.ts';
import { isPortOpen, waitUntilReady } from '../minecraft/readiness.ts';
import { type Child, type ChildSpec, startChild } from '../process/child.ts';
import { describeExit, isExitStatus, succeeded } from '../process/exit-status.ts';
import { createSessionMarker, MARKER_VARIABLE } from '../process/leftovers.ts';
import { chownTree } from '../process/ownership.ts';
import { environmentOfUser } from '../process/user.ts';
import { rejectWhen, whenAborted } from '../runtime/abort.ts';
import type { Signals } from '../runtime/signals.ts';
import { errorText } from '../runtime/text.ts';
import { childLog } from './child-logs.ts';
import { waitForEnd } from './end-conditions.ts';
import { describeEndReason, type EndReason, refineEndReason } from './end-reason.ts';
import type { PlayTools, Stage } from './runtime.ts';
import { broadcast, type ShutdownResult, shutDown } from './shutdown.ts';

export interface ProcessesResult {
  readonly stage: Stage;
  readonly end: EndReason;
  readonly stopped: ShutdownResult;
  readonly heard: ServerLogResult | undefined;
}

/** Plays one session, however it ends: once this has returned, not one process of it is alive. It never rejects. */
export async function runProcesses(config: SessionConfig, tools: PlayTools): Promise<ProcessesResult> {
  const stage: Stage = { config, tools, marker: createSessionMarker(), children: [] };
  const end = await untilTheEnd(stage);
  tools.log.info({ event: 'session_ending', end: end.by }, `session ending: ${describeEndReason(end)}`);
  tools.enter('stopping');
  const stopped = await shutDown(stage, end);
  const heard = await hearOut(stage);
  return { stage, end: heard === undefined ? end : refineEndReason(end, heard), stopped, heard };
}

async function hearOut({ game, tools }: Stage): Promise<ServerLogResult | undefined> {
  try {
    return await game?.finishLog();
  } catch (error) {
    tools.log.warn({ event: 'server_log_unreadable', err: error }, 'server log could not be read');
    return undefined;
  }
}

async function untilTheEnd(stage: Stage): Promise<EndReason> {
  const { signals } = stage.tools;
  const over = new AbortController();
  const performance = perform(stage, over.signal);
  try {
    return await Promise.race([
      whenAsked(signals),
      rejectWhen(signals.internalError),
      whenTimeIsUp(stage, over.signal),
      performance,
    ]);
  } catch (error) {
    return { by: 'bug', error };
  } finally {
    over.abort();
    // What was in the middle of a step gives up here, so that nothing is started behind the stop ladder's back.
    await performance.catch(error =>
      stage.tools.log.debug({ event: 'startup_interrupted', err: error }, 'startup interrupted'),
    );
  }
}

/** The acts of a session, in order; each one that fails is its end. */
async function perform(stage: Stage, over: AbortSignal): Promise<EndReason> {
  over.throwIfAborted();
  return (await setUp(stage, over)) ?? (await startServer(stage, over));
}

async function setUp(stage: Stage, over: AbortSignal): Promise<EndReason | undefined> {
  const { setupCommand: command, workdir } = stage.config;
  if (command === undefined) return undefined;
  stage.tools.enter('setup');
  const setup = start(stage, over, { name: 'setup', command, cwd: workdir, console: false });
  const exit = await Promise.race([setup.exited, rejectWhen(over)]);
  return succeeded(exit) ? undefined : { by: 'setup-failed', exit };
}

async function startServer(stage: Stage, over: AbortSignal): Promise<EndReason> {
  const { address, readyTimeoutMs } = stage.config.server;
  stage.tools.enter('starting');
  if (await isPortOpen(address, over)) {
    return {
      by: 'server-not-startable',
      why: `something else listens on ${address.host}:${address.port} already`,
    };
  }
  const game = await prepareServer(stage.config, childLog(stage.config, 'server')).catch(errorText);
  if (typeof game === 'string') return { by: 'server-not-startable', why: game };
  for (const notice of game.notices) stage.tools.log.warn({ event: 'notice' }, notice);
  const { user } = stage.tools;
  if (user !== undefined && game.cwd !== stage.config.workdir) await chownTree(game.cwd, user);
  const server = start(stage, over, {
    name: 'server',
    command: game.command,
    cwd: game.cwd,
    console: true,
  });
  stage.game = game;
  stage.server = server;
  stage.tools.onConsole(server.sendCommand);

  const waiting = new AbortController();
  const ready = waitUntilReady(address, {
    timeoutMs: readyTimeoutMs,
    signal: AbortSignal.any([over, waiting.signal]),
  });
  const first = await Promise.race([ready, server.exited]);
  if (isExitStatus(first)) {
    waiting.abort();
    await ready.catch(() => undefined);
    over.throwIfAborted();
    return 'failedToStart' in first
      ? { by: 'server-not-startable', why: first.failedToStart }
      : { by: 'server-exited-early', exit: first };
  }
  if (first === undefined) return { by: 'server-never-ready', afterMs: readyTimeoutMs };
  stage.status = first;
  stage.tools.log.info(
    { event: 'server_ready', version: first.version, protocol: first.protocol },
    'server ready',
  );
  return startAgent(stage, server, over);
}

async function startAgent(stage: Stage, server: Child, over: AbortSignal): Promise<EndReason> {
  const { config, tools } = stage;
  const agent = start(stage, over, {
    name: 'agent',
    command: config.agent.command,
    cwd: config.workdir,
    console: false,
  });
  const watch = monitorPlayers(config.server.address, {
    agentPlayers: config.agent.players,
    joinTimeoutMs: config.limits.joinTimeoutMs,
    emptyTimeoutMs: config.limits.emptyTimeoutMs,
    livenessTimeoutMs: config.server.livenessTimeoutMs,
    signal: over,
    onChange: ({ now, unanswered }) =>
      unanswered === undefined
        ? tools.log.info(
            { event: 'players_changed', people: now },
            now === 1 ? '1 person online' : `${now} persons online`,
          )
        : tools.log.warn(
            { event: 'server_unresponsive', why: unanswered.fault },
            'server did not answer the status ping',
          ),
  });
  stage.agent = agent;
  stage.players = watch;
  tools.enter('playing');
  return waitForEnd(config, { server, agent, watch }, over);
}

function start(stage: Stage, over: AbortSignal, spec: Omit<ChildSpec, 'env' | 'logFile' | 'user'>): Child {
  over.throwIfAborted();
  const { config, tools } = stage;
  const { user } = tools;
  const env = user === undefined ? config.children.env : environmentOfUser(user, config.children.env);
  const child = startChild({
    ...spec,
    logFile: childLog(config, spec.name),
    env: { ...env, [MARKER_VARIABLE]: stage.marker },
    user,
  });
  stage.children.push(child);
  tools.log.info({ event: 'process_started', child: child.name, pid: child.pid }, `${child.name} started`);
  void child.exited.then(exit =>
    tools.log.info(
      { event: 'process_exited', child: child.name, ...exit },
      `${child.name} ${describeExit(exit)}`,
    ),
  );
  return child;
}

async function whenAsked({ stopRequested, stopRequest: request }: Signals): Promise<EndReason> {
  await whenAborted(stopRequested);
  return { by: 'signal', signal: request()?.signal ?? 'SIGTERM' };
}

const WARNINGS_MS = [
  { beforeMs: 300_000, text: '5 minutes' },
  { beforeMs: 60_000, text: '1 minute' },
];

async function whenTimeIsUp(stage: Stage, over: AbortSignal): Promise<EndReason> {
  const { maxDurationMs } = stage.config.limits;
  let passedMs = 0;
  for (const { beforeMs, text } of maxDurationMs === undefined ? [] : WARNINGS_MS) {
    if (maxDurationMs === undefined || maxDurationMs <= beforeMs) continue;
    await setTimeout(maxDurationMs - beforeMs - passedMs, undefined, { signal: over });
    passedMs = maxDurationMs - beforeMs;
    broadcast(stage, `This session ends in ${text}.`);
  }
  if (maxDurationMs === undefined) await rejectWhen(over);
  else await setTimeout(maxDurationMs - passedMs, undefined, { signal: over });
  return { by: 'max-duration' };
}
