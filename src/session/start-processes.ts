import { describeTicks } from '../minecraft/cuberite/beat.ts';
import { prepareServer } from '../minecraft/game-server.ts';
import { isPortOpen, waitUntilReady } from '../minecraft/readiness.ts';
import { type Child, type ChildSpec, startChild } from '../process/child.ts';
import { describeExit, isExitStatus, succeeded } from '../process/exit-status.ts';
import { MARKER_VARIABLE } from '../process/leftovers.ts';
import { chownTree } from '../process/ownership.ts';
import { environmentOfUser } from '../process/user.ts';
import { rejectWhen } from '../runtime/abort.ts';
import { inTurn } from '../runtime/concurrency.ts';
import { errorText } from '../runtime/text.ts';
import { askServer } from './console.ts';
import { type Dashboard, describeSilent, watchDashboard } from './dashboard.ts';
import type { EndReason } from './end-reason.ts';
import { watchPeople } from './presence.ts';
import type { RunningProcesses, SessionProcesses, Startup } from './processes.ts';
import type { SessionRuntime } from './runtime.ts';
import { saveWorldRepeatedly } from './save-world.ts';
import { childLog } from './workdir.ts';

/**
 * Runs the setup command, starts the server, waits until it answers, and starts the agent.
 * @param over aborted when the session has ended meanwhile: nothing more is started
 * @throws the signal's reason
 */
export async function startProcesses(
  runtime: SessionRuntime,
  processes: SessionProcesses,
  over: AbortSignal,
): Promise<Startup> {
  over.throwIfAborted();
  const setupFailed = await runSetup(runtime, processes, over);
  if (setupFailed !== undefined) return { state: 'failed', end: setupFailed };
  const started = await startServer(runtime, processes, over);
  if ('end' in started) return { state: 'failed', end: started.end };
  return startAgent(runtime, processes, started.server, over);
}

async function runSetup(
  runtime: SessionRuntime,
  processes: SessionProcesses,
  over: AbortSignal,
): Promise<EndReason | undefined> {
  const { setupCommand: command, workdir } = runtime.config;
  if (command === undefined) return undefined;
  runtime.status.startPhase('setup');
  const spec = { name: 'setup', command, cwd: workdir, console: false } as const;
  const setup = start(runtime, processes, over, spec);
  const exit = await Promise.race([setup.exited, rejectWhen(over)]);
  return succeeded(exit) ? undefined : { kind: 'setup-failed', exit };
}

async function startServer(
  runtime: SessionRuntime,
  processes: SessionProcesses,
  over: AbortSignal,
): Promise<{ readonly server: Child } | { readonly end: EndReason }> {
  const { config, log, status, user } = runtime;
  const { address } = config.server;
  status.startPhase('starting');
  if (await isPortOpen(address, over)) {
    const why = `something else listens on ${address.host}:${address.port} already`;
    return { end: { kind: 'server-not-startable', why } };
  }
  const gameServer = await prepareServer(config, {
    log: childLog(config, 'server'),
    owner: user,
  }).catch(errorText);
  if (typeof gameServer === 'string') return { end: { kind: 'server-not-startable', why: gameServer } };
  for (const notice of gameServer.notices) log.warn({ event: 'notice' }, notice);
  const { command, cwd } = gameServer;
  if (user !== undefined && cwd !== config.workdir) await chownTree(cwd, user);
  const server = start(runtime, processes, over, { name: 'server', command, cwd, console: true });
  processes.gameServer = gameServer;
  processes.server = server;
  // The answer to one command would be taken for that to another.
  status.setConsole(inTurn(line => askServer(server, childLog(config, 'server'), line)));
  const end = await waitForServer(runtime, processes, server, over);
  if (end !== undefined) return { end };
  const notice = await gameServer.keepReadySettings();
  if (notice !== undefined) log.warn({ event: 'notice' }, notice);
  return { server };
}

/** @returns why it will not be ready; undefined: it is. */
async function waitForServer(
  { config, log }: SessionRuntime,
  processes: SessionProcesses,
  server: Child,
  over: AbortSignal,
): Promise<EndReason | undefined> {
  const { address, readyTimeoutMs } = config.server;
  const exited = new AbortController();
  const signal = AbortSignal.any([over, exited.signal]);
  const ready = waitUntilReady(address, { timeoutMs: readyTimeoutMs, signal });
  const first = await Promise.race([ready, server.exited]);
  if (isExitStatus(first)) {
    exited.abort();
    await ready.catch(() => undefined);
    over.throwIfAborted();
    return 'failedToStart' in first
      ? { kind: 'server-not-startable', why: first.failedToStart }
      : { kind: 'server-exited-early', exit: first };
  }
  if ('fault' in first) return { kind: 'server-never-ready', afterMs: readyTimeoutMs, why: first.fault };
  processes.serverStatus = first;
  const { version, protocol } = first;
  log.info({ event: 'server_ready', version, protocol }, 'server ready');
  return undefined;
}

function startAgent(
  runtime: SessionRuntime,
  processes: SessionProcesses,
  server: Child,
  over: AbortSignal,
): RunningProcesses {
  const { config, log, status } = runtime;
  const { command } = config.agent;
  const spec = { name: 'agent', cwd: config.workdir, console: false } as const;
  const agent = command && start(runtime, processes, over, { ...spec, command });
  const dashboard = watchDashboard(config.agent.dashboardPorts, log);
  const monitor = watchPeople(runtime, processes, dashboard, over);
  const details = () => `${describeTicks(monitor.beat())}${silence(dashboard)}`;
  status.setPeople({ people: monitor.people, beat: monitor.beat, details });
  processes.dashboard = dashboard;
  if (agent) processes.agent = agent;
  processes.monitor = monitor;
  const { intervalMs } = config.server.worldSave;
  const saveCommand = processes.gameServer?.saveCommand;
  if (intervalMs !== undefined && saveCommand !== undefined)
    void saveWorldRepeatedly({ server, monitor, command: saveCommand, intervalMs }, over);
  status.startPhase('playing');
  return { state: 'running', server, agent, monitor };
}

/** What `health` tells of it. */
function silence(dashboard: Dashboard): string {
  const ports = dashboard.silent();
  return ports.length === 0 ? '' : `; ${describeSilent(ports)}`;
}

function start(
  { config, log, user }: SessionRuntime,
  processes: SessionProcesses,
  over: AbortSignal,
  spec: Omit<ChildSpec, 'env' | 'logFile' | 'user'>,
): Child {
  over.throwIfAborted();
  const env = user === undefined ? config.children.env : environmentOfUser(user, config.children.env);
  const child = startChild({
    ...spec,
    logFile: childLog(config, spec.name),
    env: { ...env, [MARKER_VARIABLE]: processes.marker },
    user,
  });
  processes.children.push(child);
  const { name, pid } = child;
  log.info({ event: 'process_started', child: name, pid }, `${name} started`);
  void child.exited.then(exit =>
    log.info({ event: 'process_exited', child: name, ...exit }, `${name} ${describeExit(exit)}`),
  );
  return child;
}
