import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalSettings } from '../../../config/servermgr-config.ts';
import type { Environment } from '../../../config/session-config.ts';
import { startDetached } from '../../../process/child.ts';
import { describeExit } from '../../../process/exit-status.ts';
import type { Log } from '../../../runtime/log.ts';
import { identityFields } from '../identity.ts';
import {
  dashboardEnvironment,
  type Launcher,
  type LaunchRequest,
  recoverArguments,
  type Session,
  type SessionState,
} from '../launcher.ts';
import { pickPort } from './ports.ts';
import { type LocalRecord, openRecords, type SessionPorts, sessionFiles } from './records.ts';
import { occupiesPort, stateOf } from './state.ts';
import { createStops } from './stops.ts';

export interface LocalOptions {
  readonly name: string;
  readonly stateFolder: string;
  /** The manager's own environment: a session's supervisor needs PATH, and AWS_… to save to S3. */
  readonly env: Environment;
  readonly log: Log;
}

const POLL_INTERVAL_MS = 250;
/** How long after a process has vanished its exit may still be recorded, by the instance that started it. */
const EXIT_RECORD_MS = 2_000;

/**
 * Runs sessions as processes of this machine. Each leads a session of its own (setsid), so that it keeps running while
 * the manager restarts; all that is known of it is in its record.
 */
export function openLocal(settings: LocalSettings, { name, stateFolder, env, log }: LocalOptions): Launcher {
  const home = join(stateFolder, name);
  const records = openRecords(home, tellUnreadable);
  const stops = createStops(records, log);
  /** The folders of which that was told. */
  const unreadable = new Set<string>();
  /** By idempotency key: since when a process has been gone whose exit is not recorded. */
  const vanishedSince = new Map<string, number>();

  async function launch(request: LaunchRequest): Promise<Session> {
    const { record, created } = await records.findOrCreate(identityFields(request), choosePorts);
    if (created) startSupervisor(record, request);
    return toSession(record);
  }

  async function choosePorts(others: readonly LocalRecord[]): Promise<SessionPorts> {
    const used = others
      .filter(occupiesPort)
      .flatMap(other => [other.port, other.dashboardPort].filter(port => port !== undefined));
    const port = await pickPort(settings.ports, used);
    return settings.dashboard
      ? { port, dashboardPort: await pickPort(settings.ports, [...used, port]) }
      : { port };
  }

  function startSupervisor(record: LocalRecord, request: LaunchRequest): void {
    const { workdir, output, identity } = sessionFiles(record);
    const { exited } = startDetached({
      command: ['/bin/sh', '-c', EXEC_WITH_IDENTITY, identity, ...settings.supervisor],
      cwd: workdir,
      env: sessionEnvironment(env, request, { ...record, workdir }),
      logFile: output,
    });
    void exited
      .then(exit => records.markExited(record, exit))
      .catch((error: unknown) => {
        log.warn(
          { event: 'record_not_written', err: error, session: request.name },
          'how a session has ended could not be written down',
        );
      });
  }

  function tellUnreadable(folder: string, error: unknown): undefined {
    if (unreadable.has(folder)) return;
    unreadable.add(folder);
    log.warn(
      { event: 'record_unreadable', err: error, folder },
      `the record of a session cannot be read, and is left out: ${folder}`,
    );
  }

  function toSession(record: LocalRecord): Session {
    const { process, folder } = record;
    return {
      ...identityFields(record),
      where: process === undefined ? folder : `process ${process.pid}`,
      state: withExit(record, stateOf(record, settings.gameHost)),
      costPerHour: 0,
    };
  }

  /** A process vanishes a moment before its exit is recorded: until then the session counts as ending. */
  function withExit({ idempotencyKey: key, exit, stop }: LocalRecord, state: SessionState): SessionState {
    if (state.phase !== 'ended' || exit !== undefined) {
      vanishedSince.delete(key);
      return state;
    }
    const sinceMs = vanishedSince.get(key) ?? Date.now();
    vanishedSince.set(key, sinceMs);
    return Date.now() - sinceMs < EXIT_RECORD_MS ? { phase: 'ending', stopped: stop } : state;
  }

  async function list(): Promise<readonly Session[]> {
    const known = await records.list();
    for (const record of known) stops.pursue(record);
    return known.map(toSession);
  }

  return {
    kind: 'local',
    pollIntervalMs: () => POLL_INTERVAL_MS,
    launch,
    list,
    look: list,
    async stop({ idempotencyKey }, why) {
      const record = await records.find(idempotencyKey);
      if (record?.process === undefined || !occupiesPort(record)) return;
      await stops.stop(record, why);
    },
    async recover(request) {
      await mkdir(home, { recursive: true });
      const [file, ...args] = settings.supervisor;
      const { pid, exited } = startDetached({
        command: [file, ...args, ...recoverArguments(request)],
        cwd: process.cwd(),
        env: { ...withoutOwn(env), ...request.env },
        logFile: join(home, `recovery-${request.name}.log`),
      });
      if (pid === undefined) throw new Error(`the recovery ${describeExit(await exited)}`);
    },
    async remove({ idempotencyKey }) {
      const record = await records.find(idempotencyKey);
      if (record === undefined || occupiesPort(record)) return;
      await records.remove(record);
      vanishedSince.delete(idempotencyKey);
    },
    close() {
      // No connection is open, and the sessions keep running.
    },
  };
}

/**
 * The shell writes its identity to $0 before it becomes the supervisor: the process is recorded however early the
 * manager ends.
 */
const EXEC_WITH_IDENTITY = 'cat "/proc/$$/stat" > "$0" 2>/dev/null || echo "$$" > "$0"; exec "$@"';

function sessionEnvironment(
  env: Environment,
  request: LaunchRequest,
  { port, dashboardPort, workdir }: SessionPorts & { readonly workdir: string },
): Record<string, string> {
  const filled = Object.entries(request.env).map(([name, value]) => [
    name,
    value.replaceAll('{port}', String(port)),
  ]);
  return {
    ...withoutOwn(env),
    ...dashboardEnvironment(dashboardPort),
    SESSION_SERVER_ADDRESS: `127.0.0.1:${port}`,
    SESSION_WORKDIR: workdir,
    ...Object.fromEntries(filled),
    TIMESTAMP: request.name,
  };
}

/** The manager's environment without its own variables, which hold its secrets. */
function withoutOwn(env: Environment): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !/^(?:SERVERMGR_|SESSION_|PORT$|TIMESTAMP$)/.test(entry[0]),
  );
  return Object.fromEntries(kept);
}
