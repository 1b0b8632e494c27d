import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SessionConfig } from '../config/session-config.ts';
import { listenControlSocket, WorkdirInUseError } from '../control-socket/server.ts';
import { checkServer } from '../minecraft/game-server.ts';
import { readOomKills } from '../process/oom.ts';
import { makeWritableFor } from '../process/ownership.ts';
import { findUser, type User } from '../process/user.ts';
import { summary } from '../report/summary.ts';
import { readEcsTask } from '../runtime/ecs-metadata.ts';
import { type Log, type LogOutputs, openLog } from '../runtime/log.ts';
import { drawnProgress, loggedProgress } from '../runtime/progress.ts';
import type { Signals } from '../runtime/signals.ts';
import { errorText } from '../runtime/text.ts';
import { readVersion } from '../runtime/version.ts';
import { echoChildren } from '../session/echo.ts';
import { describeEndReason, exitCode, signalExitCode } from '../session/end-reason.ts';
import { deleteSessionJournal } from '../session/journal.ts';
import { createPhaseTimer } from '../session/phase-timer.ts';
import { makeReport, type Report } from '../session/report.ts';
import { deliverReport } from '../session/report-delivery.ts';
import { runSession } from '../session/session.ts';
import { createStatus, type SessionStatus } from '../session/status.ts';
import { openPlaces } from '../session/stores.ts';
import { type CommandInput, EXIT_USAGE, printFaults, type RunCommand, readConfig } from './command.ts';

/** Plays one session as the environment says. */
export const run: RunCommand = async input => {
  const parsed = readConfig(input);
  if (parsed === undefined) return EXIT_USAGE;
  const { config, notices } = parsed;
  const { user, faults: userFaults } = await findUser(config.children.user);
  const faults = [...userFaults, ...(await checkServer(config))];
  if (faults.length > 0) {
    printFaults(faults, input.printError);
    return EXIT_USAGE;
  }
  try {
    await mkdir(config.workdir, { recursive: true });
    if (user !== undefined) await makeWritableFor(config.workdir, user);
  } catch (error) {
    input.printError(
      `SESSION_WORKDIR "${config.workdir}" cannot be made ready: ${errorText(error)}: name a folder that can`,
    );
    return EXIT_USAGE;
  }
  const visitors = createStatus();
  const door = await openDoorOf(config, visitors);
  if (door.fault instanceof WorkdirInUseError) {
    input.printError(`${door.fault.message}: give each session a SESSION_WORKDIR of its own`);
    return EXIT_USAGE;
  }
  await using _door = door.open;
  const colour = input.terminal && !input.env.NO_COLOR;
  const book = await openLog({ level: config.logLevel, terminal: input.terminal, colour });
  try {
    if (door.fault !== undefined)
      book.log.warn({ event: 'control_socket_unavailable', err: door.fault }, 'control socket not available');
    return await runLogged({ config, user, notices, input, book, visitors });
  } finally {
    await book.flush();
  }
};

/** A session without a door is a session still. */
async function openDoorOf({ workdir }: SessionConfig, visitors: SessionStatus) {
  try {
    return { open: await listenControlSocket(workdir, visitors), fault: undefined };
  } catch (fault) {
    return { open: undefined, fault };
  }
}

interface Started {
  readonly config: SessionConfig;
  readonly user: User | undefined;
  readonly notices: readonly string[];
  readonly input: CommandInput;
  readonly book: LogOutputs;
  readonly visitors: SessionStatus;
}

async function runLogged({ config, user, notices, input, book, visitors }: Started): Promise<number> {
  const { signals, terminal } = input;
  const { log } = book;
  const startedAtMs = Date.now();
  const circumstances = observe(input, book);
  book.alsoTo(join(config.workdir, 'supervisor.log'));
  log.info(
    { event: 'session_started', session: config.timestamp, workdir: config.workdir },
    'session started',
  );
  for (const notice of notices) log.warn({ event: 'notice' }, notice);
  logSignals(config, signals, log);

  const stopwatch = createPhaseTimer();
  using places = openPlaces(config, log);
  await using _echo = echoChildren(config, input.print);
  const outcome = await runSession(config, {
    log,
    signals,
    enter: phase => {
      stopwatch.enter(phase);
      visitors.enter(phase);
      log.info({ event: 'phase_started', phase }, `phase started: ${phase}`);
    },
    onConsole: visitors.onConsole,
    user,
    progress: terminal ? drawnProgress(process.stderr) : loggedProgress(log),
    open: places.open,
    closeLogFile: book.closeFile,
  });

  if (outcome.end.by === 'destination-refused')
    input.printError(`${describeEndReason(outcome.end)}. ${outcome.end.remedy}`);

  const report = makeReport(config, outcome, {
    startedAtMs,
    phases: stopwatch.phases(),
    notices,
    ...(await circumstances()),
  });
  await deliverReport(config, outcome, report, { log, signals });
  const { archive, recording } = outcome;
  if (recording !== undefined && archive?.how === 'archive' && archive.receipt.verified) {
    await deleteSessionJournal(config, recording, { log, signals });
  }
  if (terminal) input.print(summary(report));
  else log.info({ event: 'session_finished', report }, finishedText(report));
  const abortedBy = signals.abortedBy();
  if (abortedBy !== undefined) return signalExitCode(abortedBy);
  const code = exitCode(outcome.end, outcome.saved);
  return code === 0 && signals.internalError.aborted ? 70 : code;
}

function logSignals({ stop }: SessionConfig, signals: Signals, log: Log): void {
  const { stopRequested, aborted } = signals;
  stopRequested.addEventListener('abort', () => {
    const signal = signals.stopRequest()?.signal;
    log.info(
      { event: 'stop_requested', signal, stopTimeoutMs: stop.timeoutMs },
      `${signal} received: shutting down within ${stop.timeoutMs / 1_000} s`,
    );
  });
  aborted.addEventListener('abort', () => {
    const signal = signals.abortedBy();
    log.warn({ event: 'aborted', signal }, `second signal received (${signal}): aborting without saving`);
  });
}

function finishedText({ end, exitCode: code }: Report): string {
  return `session finished: ${end.text}; exit code ${code}`;
}

/** Begins to ask what the report tells of the machine, beside the session's start. */
function observe({ env }: CommandInput, { log }: LogOutputs) {
  const version = readVersion();
  const oomKillsBefore = readOomKills();
  const metadataUri = env.ECS_CONTAINER_METADATA_URI_V4;
  const ecs =
    metadataUri === undefined
      ? undefined
      : readEcsTask(metadataUri).catch(error => {
          log.warn({ event: 'ecs_metadata_unavailable', err: error }, 'ECS metadata not available');
          return undefined;
        });
  return async () => {
    const before = await oomKillsBefore;
    const after = await readOomKills();
    const oomKills = before === undefined || after === undefined ? undefined : after - before;
    return { version: await version, ecs: await ecs, oomKills };
  };
}
