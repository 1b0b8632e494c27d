import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/session-config.ts';
import { OccupiedError, openDoor } from '../control-socket/server.ts';
import { checkServer } from '../minecraft/game-server.ts';
import { readOomKills } from '../process/oom.ts';
import { shareFolder } from '../process/ownership.ts';
import { findUser, type User } from '../process/user.ts';
import { summary } from '../report/summary.ts';
import { readEcsTask } from '../runtime/ecs-metadata.ts';
import { type Log, type LogBook, openLog } from '../runtime/log.ts';
import { drawnProgress, loggedProgress } from '../runtime/progress.ts';
import type { Stops } from '../runtime/signals.ts';
import { errorText } from '../runtime/text.ts';
import { readVersion } from '../runtime/version.ts';
import { echoChildren } from '../session/echo.ts';
import { describeEnd, exitCode, signalExitCode } from '../session/end-reason.ts';
import { endRecording } from '../session/journal.ts';
import { newStopwatch } from '../session/phase-timer.ts';
import { makeReport } from '../session/report.ts';
import { deliverReport } from '../session/report-delivery.ts';
import { runSession } from '../session/session.ts';
import { newVisitors, type Visitors } from '../session/status.ts';
import { openPlaces } from '../session/stores.ts';
import type { CommandInput, RunCommand } from './command.ts';
import { configured, EXIT_USAGE, tellFaults } from './configured.ts';

/** Plays one session as the environment says. */
export const run: RunCommand = async input => {
  const parsed = configured(input);
  if (parsed === undefined) return EXIT_USAGE;
  const { config, notices } = parsed;
  const { user, faults: userFaults } = await findUser(config.children.user);
  const faults = [...userFaults, ...(await checkServer(config))];
  if (faults.length > 0) {
    tellFaults(faults, input.complain);
    return EXIT_USAGE;
  }
  try {
    await mkdir(config.workdir, { recursive: true });
    if (user !== undefined) await shareFolder(config.workdir, user);
  } catch (error) {
    input.complain(
      `SESSION_WORKDIR "${config.workdir}" cannot be made ready: ${errorText(error)}: name a folder that can`,
    );
    return EXIT_USAGE;
  }
  const visitors = newVisitors();
  const door = await openDoorOf(config, visitors);
  if (door.fault instanceof OccupiedError) {
    input.complain(`${door.fault.message}: give each session a SESSION_WORKDIR of its own`);
    return EXIT_USAGE;
  }
  await using _door = door.open;
  const colour = input.terminal && !input.env.NO_COLOR;
  const book = await openLog({ level: config.logLevel, terminal: input.terminal, colour });
  try {
    if (door.fault !== undefined)
      book.log.warn({ err: door.fault }, 'nobody can reach the console of this session');
    return await runLogged({ config, user, notices, input, book, visitors });
  } finally {
    await book.flush();
  }
};

/** A session without a door is a session still. */
async function openDoorOf({ workdir }: Config, visitors: Visitors) {
  try {
    return { open: await openDoor(workdir, visitors), fault: undefined };
  } catch (fault) {
    return { open: undefined, fault };
  }
}

interface Started {
  readonly config: Config;
  readonly user: User | undefined;
  readonly notices: readonly string[];
  readonly input: CommandInput;
  readonly book: LogBook;
  readonly visitors: Visitors;
}

async function runLogged({ config, user, notices, input, book, visitors }: Started): Promise<number> {
  const { stops, terminal } = input;
  const { log } = book;
  const startedAtMs = Date.now();
  const circumstances = observe(input, book);
  book.alsoTo(join(config.workdir, 'supervisor.log'));
  log.info({ session: config.timestamp, workdir: config.workdir }, 'a session begins');
  for (const notice of notices) log.warn(notice);
  logStops(stops, log);

  const stopwatch = newStopwatch();
  using places = openPlaces(config, log);
  await using _echo = echoChildren(config, input.print);
  const outcome = await runSession(config, {
    log,
    stops,
    enter: phase => {
      stopwatch.enter(phase);
      visitors.enter(phase);
      log.debug({ phase }, 'phase');
    },
    onConsole: visitors.onConsole,
    user,
    progress: terminal ? drawnProgress(process.stderr) : loggedProgress(log),
    open: places.open,
    closeLogFile: book.closeFile,
  });

  if (outcome.end.by === 'destination-refused')
    input.complain(`${describeEnd(outcome.end)}. ${outcome.end.remedy}`);

  const report = makeReport(config, outcome, {
    startedAtMs,
    phases: stopwatch.phases(),
    notices,
    ...(await circumstances()),
  });
  await deliverReport(config, outcome, report, { log, stops });
  const { archive, recording } = outcome;
  if (recording !== undefined && archive?.how === 'archive' && archive.receipt.verified) {
    await endRecording(config, recording, { log, stops });
  }
  if (terminal) input.print(summary(report));
  else log.info({ report }, 'the session is over');
  const abandonedBy = stops.abandonedBy();
  if (abandonedBy !== undefined) return signalExitCode(abandonedBy);
  const code = exitCode(outcome.end, outcome.saved);
  return code === 0 && stops.broken.aborted ? 70 : code;
}

function logStops({ asked, abandoned, request, abandonedBy }: Stops, log: Log): void {
  asked.addEventListener('abort', () => log.info({ signal: request()?.signal }, 'asked to stop'));
  abandoned.addEventListener('abort', () =>
    log.warn({ signal: abandonedBy() }, 'asked again: everything is given up'),
  );
}

/** Begins to ask what the report tells of the machine, beside the session's start. */
function observe({ env }: CommandInput, { log }: LogBook) {
  const version = readVersion();
  const oomKillsBefore = readOomKills();
  const metadataUri = env.ECS_CONTAINER_METADATA_URI_V4;
  const ecs =
    metadataUri === undefined
      ? undefined
      : readEcsTask(metadataUri).catch(error => {
          log.warn({ err: error }, 'the ECS metadata could not be read');
          return undefined;
        });
  return async () => {
    const before = await oomKillsBefore;
    const after = await readOomKills();
    const oomKills = before === undefined || after === undefined ? undefined : after - before;
    return { version: await version, ecs: await ecs, oomKills };
  };
}
