import { mkdir } from 'node:fs/promises';
import { describeDeflate } from '../archive/deflate-choice.ts';
import type { Parsed } from '../config/define.ts';
import type { SessionConfig } from '../config/session-config.ts';
import { lockWorkdir, WorkdirInUseError } from '../control-socket/lock.ts';
import { listenControlSocket } from '../control-socket/server.ts';
import { openForAppendSync } from '../files/open.ts';
import { checkServer } from '../minecraft/game-server.ts';
import { withLowPorts } from '../process/low-ports.ts';
import { makeWritableFor } from '../process/ownership.ts';
import { findUser, type User } from '../process/user.ts';
import { summary } from '../report/summary.ts';
import { orAborted, timeoutSignal, whenAborted } from '../runtime/abort.ts';
import { EXIT_NOT_SAVED, EXIT_USAGE } from '../runtime/exit-codes.ts';
import { type Log, type LogOutputs, openLog } from '../runtime/log.ts';
import { createLoggedProgress, type Progress } from '../runtime/progress.ts';
import type { Signals } from '../runtime/signals.ts';
import { errorText } from '../runtime/text.ts';
import { echoChildren } from '../session/echo.ts';
import { describeEndReason, signalExitCode } from '../session/end-reason.ts';
import { collectHostInfo } from '../session/host-info.ts';
import { createRuntime, deadlinesOf, type SessionRuntime } from '../session/runtime.ts';
import { runSession } from '../session/session.ts';
import { supervisorLog, withRealPaths } from '../session/workdir.ts';
import { type CommandInput, printFaults, type RunCommand, readConfig } from './command.ts';

/** Runs one session as the environment says. */
export const run: RunCommand = async input => {
  const parsed = readConfig(input);
  if (parsed === undefined) return EXIT_USAGE;
  using deadline = deadlinesOf(parsed.config, input.signals)('process');
  const over = new AbortController();
  let code = EXIT_NOT_SAVED;
  let putAway: NodeJS.Timeout | undefined;
  const session = startSession(parsed, input, known => {
    code = known;
    putAway = setTimeout(() => over.abort(), PUT_AWAY_MS);
  });
  const last = AbortSignal.any([deadline.signal, over.signal]);
  try {
    return await Promise.race([session, whenAborted(last).then(() => giveUp(code, input))]);
  } finally {
    clearTimeout(putAway);
  }
};

/** How long what is left takes at most once the session is over: the control socket goes, stores are closed. */
const PUT_AWAY_MS = 3_000;

/** A call to a file system has not come back: it can be neither ended nor waited for. */
function giveUp(code: number, { signals, printError }: CommandInput): number {
  printError(
    'left without waiting for a call to a file system any longer: look for a mount that does not answer',
  );
  const abortedBy = signals.abortedBy();
  return abortedBy === undefined ? code : signalExitCode(abortedBy);
}

/** @param onOver called with the exit code as soon as it is known, before the last things are put away */
async function startSession(
  parsed: Parsed<SessionConfig>,
  input: CommandInput,
  onOver: (code: number) => void,
): Promise<number> {
  const found = await findUser(parsed.config.children.user);
  const faults = [...found.faults, ...(await checkServer(parsed.config))];
  if (faults.length > 0) {
    printFaults(faults, input.printError);
    return EXIT_USAGE;
  }
  const { user, notices } = await withLowPorts(
    found.user,
    parsed.config.agent.dashboardPorts,
    input.env.PATH,
  );
  let config: SessionConfig;
  try {
    config = await orAborted(makeWorkdir(parsed.config, user), timeoutSignal(WORKDIR_MS));
  } catch (error) {
    input.printError(
      `SESSION_WORKDIR "${parsed.config.workdir}" cannot be made ready: ${errorText(error)}: name a folder that can`,
    );
    return EXIT_USAGE;
  }
  const { terminal, env } = input;
  const style = { level: config.logLevel, terminal, colour: terminal && !env.NO_COLOR };
  const all = { config, notices: [...parsed.notices, ...notices] };
  return runWithLog(all, user, input, await openLog(input.stdout, style), onOver);
}

/** How long the working directory has to answer. */
const WORKDIR_MS = 30_000;

/** @returns the configuration with real paths */
async function makeWorkdir(config: SessionConfig, user: User | undefined): Promise<SessionConfig> {
  await mkdir(config.workdir, { recursive: true });
  if (user !== undefined) await makeWritableFor(config.workdir, user);
  return withRealPaths(config);
}

/** Only this user's: its lines hold what the children must not read. */
function writeSupervisorLog(file: string, { log, alsoTo }: LogOutputs): void {
  try {
    alsoTo(openForAppendSync(file, 0o600).fd);
  } catch (error) {
    log.error({ event: 'supervisor_log_unwritable', err: error, file }, 'the log is on the console only');
  }
}

async function runWithLog(
  { config, ...parsed }: Parsed<SessionConfig>,
  user: User | undefined,
  input: CommandInput,
  outputs: LogOutputs,
  onOver: (code: number) => void,
): Promise<number> {
  const { signals, terminal, print, printError, env } = input;
  const { log } = outputs;
  const deflate = describeDeflate({ ...config.save, level: config.save.gzipLevel });
  const notices = deflate.missing ? [...parsed.notices, deflate.text] : parsed.notices;
  const progress = terminal ? await loadProgressBar(input) : createLoggedProgress(log);
  await using runtime = createRuntime({ config, signals, progress, user, outputs });
  const lock = await tryToLock(runtime);
  if (lock instanceof WorkdirInUseError) {
    printError(`${lock.message}: give each session a SESSION_WORKDIR of its own`);
    return EXIT_USAGE;
  }
  await using _lock = lock;
  await using _socket = await openControlSocket(runtime);
  const hostInfo = collectHostInfo(env, log);
  writeSupervisorLog(supervisorLog(config), outputs);
  log.info(
    { event: 'session_started', session: config.timestamp, workdir: config.workdir, deflate: deflate.text },
    'session started',
  );
  for (const notice of notices) log.warn({ event: 'notice' }, notice);
  logSignals(config, signals, log);
  await using _echo = echoChildren(config, print);

  const { result, report } = await runSession(runtime, hostInfo, notices);
  const { end } = result;
  if (end.kind === 'destination-refused') printError(`${describeEndReason(end)}. ${end.remedy}`);
  onOver(report.exitCode);
  if (terminal) print(summary(report));
  else
    log.info(
      // Labels may name a person: they are in session.json alone.
      { event: 'session_finished', report: { ...report, labels: undefined } },
      `session finished: ${report.end.text}; exit code ${report.exitCode}`,
    );
  return report.exitCode;
}

/** On demand: in a container there is no terminal, and every module costs time before the server starts. */
async function loadProgressBar({ stdout }: CommandInput): Promise<Progress> {
  const { createProgressBar } = await import('../runtime/progress-bar.ts');
  return createProgressBar(stdout);
}

/**
 * A session whose folder cannot be locked for another reason than that somebody has it is a session still.
 * @returns the error where another session runs in the working directory
 */
async function tryToLock({
  config,
  log,
}: SessionRuntime): Promise<AsyncDisposable | WorkdirInUseError | undefined> {
  try {
    return await lockWorkdir(config.workdir);
  } catch (error) {
    if (error instanceof WorkdirInUseError) return error;
    log.warn(
      { event: 'workdir_not_locked', err: error },
      'another session that begins in the working directory is not kept out',
    );
    return undefined;
  }
}

/** A session without a control socket is a session still. */
async function openControlSocket({
  config,
  log,
  status,
}: SessionRuntime): Promise<AsyncDisposable | undefined> {
  try {
    return await listenControlSocket(config.workdir, status);
  } catch (error) {
    log.warn({ event: 'control_socket_unavailable', err: error }, 'control socket not available');
    return undefined;
  }
}

function logSignals({ stop }: SessionConfig, signals: Signals, log: Log): void {
  signals.stopRequested.addEventListener('abort', () => {
    const signal = signals.stopRequest()?.signal;
    log.info(
      { event: 'stop_requested', signal, stopTimeoutMs: stop.timeoutMs },
      `${signal} received: shutting down within ${stop.timeoutMs / 1_000} s`,
    );
  });
  signals.aborted.addEventListener('abort', () => {
    const signal = signals.abortedBy();
    log.warn({ event: 'aborted', signal }, `second signal received (${signal}): aborting without saving`);
  });
}
