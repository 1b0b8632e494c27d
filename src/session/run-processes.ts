import { setTimeout } from 'node:timers/promises';
import type { Config } from '../config/session-config.ts';
import { prepareServer, type ServerLogResult } from '../minecraft/game-server.ts';
import { watchPlayers } from '../minecraft/player-monitor.ts';
import { isPortTaken, waitUntilReady } from '../minecraft/readiness.ts';
import { type Child, type ChildSpec, startChild } from '../process/child.ts';
import { describeExit, isExitStatus, succeeded } from '../process/exit-status.ts';
import { bakeCookie, COOKIE_NAME } from '../process/leftovers.ts';
import { giveTree } from '../process/ownership.ts';
import { environmentOfUser } from '../process/user.ts';
import { rejectWhen, whenAborted } from '../runtime/abort.ts';
import type { Stops } from '../runtime/signals.ts';
import { errorText } from '../runtime/text.ts';
import { childLog } from './child-logs.ts';
import { waitForEnd } from './end-conditions.ts';
import { describeEnd, type End, refineEnd } from './end-reason.ts';
import type { PlayTools, Stage } from './runtime.ts';
import { announce, type Stopped, stopEverything } from './shutdown.ts';

export interface Played {
  readonly stage: Stage;
  readonly end: End;
  readonly stopped: Stopped;
  readonly heard: ServerLogResult | undefined;
}

/** Plays one session, however it ends: once this has returned, not one process of it is alive. It never rejects. */
export async function play(config: Config, tools: PlayTools): Promise<Played> {
  const stage: Stage = { config, tools, cookie: bakeCookie(), children: [] };
  const end = await untilTheEnd(stage);
  tools.log.info({ end: end.by }, describeEnd(end));
  tools.enter('stopping');
  const stopped = await stopEverything(stage, end);
  const heard = await hearOut(stage);
  return { stage, end: heard === undefined ? end : refineEnd(end, heard), stopped, heard };
}

async function hearOut({ game, tools }: Stage): Promise<ServerLogResult | undefined> {
  try {
    return await game?.finishLog();
  } catch (error) {
    tools.log.warn({ err: error }, "the server's lines could not be read");
    return undefined;
  }
}

async function untilTheEnd(stage: Stage): Promise<End> {
  const { stops } = stage.tools;
  const over = new AbortController();
  const performance = perform(stage, over.signal);
  try {
    return await Promise.race([
      whenAsked(stops),
      rejectWhen(stops.broken),
      whenTimeIsUp(stage, over.signal),
      performance,
    ]);
  } catch (error) {
    return { by: 'bug', error };
  } finally {
    over.abort();
    // What was in the middle of a step gives up here, so that nothing is started behind the stop ladder's back.
    await performance.catch(error => stage.tools.log.debug({ err: error }, 'the session was cut short'));
  }
}

/** The acts of a session, in order; each one that fails is its end. */
async function perform(stage: Stage, over: AbortSignal): Promise<End> {
  over.throwIfAborted();
  return (await setUp(stage, over)) ?? (await openServer(stage, over));
}

async function setUp(stage: Stage, over: AbortSignal): Promise<End | undefined> {
  const { setupCommand: command, workdir } = stage.config;
  if (command === undefined) return undefined;
  stage.tools.enter('setup');
  const setup = start(stage, over, { name: 'setup', command, cwd: workdir, console: false });
  const exit = await Promise.race([setup.exited, rejectWhen(over)]);
  return succeeded(exit) ? undefined : { by: 'setup-failed', exit };
}

async function openServer(stage: Stage, over: AbortSignal): Promise<End> {
  const { address, readyTimeoutMs } = stage.config.server;
  stage.tools.enter('starting');
  if (await isPortTaken(address, over)) {
    return {
      by: 'server-not-startable',
      why: `something else listens on ${address.host}:${address.port} already`,
    };
  }
  const game = await prepareServer(stage.config, childLog(stage.config, 'server')).catch(errorText);
  if (typeof game === 'string') return { by: 'server-not-startable', why: game };
  for (const notice of game.notices) stage.tools.log.warn(notice);
  const { user } = stage.tools;
  if (user !== undefined && game.cwd !== stage.config.workdir) await giveTree(game.cwd, user);
  const server = start(stage, over, {
    name: 'server',
    command: game.command,
    cwd: game.cwd,
    console: true,
  });
  stage.game = game;
  stage.server = server;
  stage.tools.onConsole(server.say);

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
  stage.tools.log.info({ version: first.version, protocol: first.protocol }, 'the server is ready');
  return openAgent(stage, server, over);
}

async function openAgent(stage: Stage, server: Child, over: AbortSignal): Promise<End> {
  const { config, tools } = stage;
  const agent = start(stage, over, {
    name: 'agent',
    command: config.agent.command,
    cwd: config.workdir,
    console: false,
  });
  const watch = watchPlayers(config.server.address, {
    agentPlayers: config.agent.players,
    joinTimeoutMs: config.limits.joinTimeoutMs,
    emptyTimeoutMs: config.limits.emptyTimeoutMs,
    livenessTimeoutMs: config.server.livenessTimeoutMs,
    signal: over,
    onChange: ({ now, silence }) =>
      silence === undefined
        ? tools.log.info({ people: now }, 'people online')
        : tools.log.warn({ why: silence.fault }, 'the server does not answer'),
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
    env: { ...env, [COOKIE_NAME]: stage.cookie },
    user,
  });
  stage.children.push(child);
  tools.log.info({ child: child.name, pid: child.pid }, 'child started');
  void child.exited.then(exit =>
    tools.log.info({ child: child.name, ...exit }, `${child.name} ${describeExit(exit)}`),
  );
  return child;
}

async function whenAsked({ asked, request }: Stops): Promise<End> {
  await whenAborted(asked);
  return { by: 'signal', signal: request()?.signal ?? 'SIGTERM' };
}

const WARNINGS_MS = [
  { beforeMs: 300_000, text: '5 minutes' },
  { beforeMs: 60_000, text: '1 minute' },
];

async function whenTimeIsUp(stage: Stage, over: AbortSignal): Promise<End> {
  const { maxDurationMs } = stage.config.limits;
  let passedMs = 0;
  for (const { beforeMs, text } of maxDurationMs === undefined ? [] : WARNINGS_MS) {
    if (maxDurationMs === undefined || maxDurationMs <= beforeMs) continue;
    await setTimeout(maxDurationMs - beforeMs - passedMs, undefined, { signal: over });
    passedMs = maxDurationMs - beforeMs;
    announce(stage, `This session ends in ${text}.`);
  }
  if (maxDurationMs === undefined) await rejectWhen(over);
  else await setTimeout(maxDurationMs - passedMs, undefined, { signal: over });
  return { by: 'max-duration' };
}
