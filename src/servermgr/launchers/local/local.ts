import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalSettings } from '../../../config/servermgr-config.ts';
import type { Environment } from '../../../config/session-config.ts';
import { startDetached } from '../../../process/child.ts';
import { describeExit } from '../../../process/exit-status.ts';
import type { Log } from '../../../runtime/log.ts';
import { nameOf } from '../../session-id.ts';
import { stopTimeoutOf } from '../hang.ts';
import { identityFields } from '../identity.ts';
import {
  type Launcher,
  type LaunchRequest,
  recoverArguments,
  type Session,
  type SessionState,
} from '../launcher.ts';
import { killSurvivors } from './kill.ts';
import { pickPort } from './ports.ts';
import { type LocalRecord, type SessionPorts, wasStarted } from './record.ts';
import { openRecords } from './records.ts';
import { clearRecoveryLog, readRecovery, recoveryLog } from './recovery.ts';
import { occupiesPort, stateOf } from './state.ts';
import { createStops } from './stops.ts';
import { startSupervisor, withoutOwn } from './supervisor.ts';
import { createSweep } from './sweep.ts';

export interface LocalOptions {
  readonly name: string;
  readonly stateFolder: string;
  /** The manager's own environment: a session's supervisor needs PATH, and AWS_… to save to S3. */
  readonly env: Environment;
  readonly log: Log;
  /** See `HANG_MARGIN_MS`. */
  readonly hangMarginMs?: number;
}

const POLL_INTERVAL_MS = 250;
/** How long after a process has vanished its exit may still be recorded, by the instance that started it. */
const EXIT_RECORD_MS = 2_000;

/**
 * Runs sessions as processes of this machine. Each leads a session of its own (setsid), so that it keeps running while
 * the manager restarts; all that is known of it is in its record.
 */
export function openLocal(settings: LocalSettings, options: LocalOptions): Launcher {
  const { name, stateFolder, env, log } = options;
  const home = join(stateFolder, name);
  const records = openRecords(home, tellUnreadable);
  const stops = createStops(records, options);
  const sweep = createSweep(home, log);
  /** The folders of which that was told. */
  const unreadable = new Set<string>();
  /** By idempotency key: since when a process has been gone whose exit is not recorded. */
  const vanishedSince = new Map<string, number>();

  async function launch(request: LaunchRequest): Promise<Session> {
    if (request.image !== undefined)
      throw new Error(`a process of this machine has no image: ${request.image} was asked for`);
    const session = { ...identityFields(request), stopTimeoutMs: stopTimeoutOf(request.env) };
    const record = await records.findOrCreate(session, choosePorts);
    // Whoever has made the record may have died before that.
    if (!wasStarted(record)) start(record, request);
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

  function start(record: LocalRecord, request: LaunchRequest): void {
    const { pid, exited } = startSupervisor(record, { command: settings.supervisor, env, request });
    void exited
      .then(async exit => {
        const known = (await records.find(record.idempotencyKey))?.process;
        // Another instance has started it: this one's was none.
        if (known === undefined || known.pid === pid) await records.markExited(record, exit);
      })
      .catch((error: unknown) => {
        log.warn(
          { event: 'record_not_written', err: error, session: nameOf(record.id) },
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
  function withExit(record: LocalRecord, state: SessionState): SessionState {
    const { idempotencyKey: key, stop } = record;
    if (state.phase !== 'ended' || record.exit !== undefined || record.process === undefined) {
      vanishedSince.delete(key);
      return state;
    }
    const sinceMs = vanishedSince.get(key) ?? Date.now();
    vanishedSince.set(key, sinceMs);
    return Date.now() - sinceMs < EXIT_RECORD_MS ? { phase: 'ending', stopped: stop?.why } : state;
  }

  async function list(): Promise<readonly Session[]> {
    sweep();
    return (await records.list()).map(toSession);
  }

  return {
    kind: 'local',
    pollIntervalMs: () => POLL_INTERVAL_MS,
    launch,
    list,
    look: list,
    async stop({ idempotencyKey }, why) {
      const record = await records.find(idempotencyKey);
      if (record !== undefined && occupiesPort(record)) await stops.stop(record, why);
    },
    async recover(request) {
      await mkdir(home, { recursive: true });
      const logFile = recoveryLog(home, request.name);
      await clearRecoveryLog(logFile);
      const [file, ...args] = settings.supervisor;
      const { pid, exited } = startDetached({
        command: [file, ...args, ...recoverArguments(request)],
        cwd: process.cwd(),
        env: { ...withoutOwn(env), ...request.env },
        logFile,
      });
      if (pid === undefined) throw new Error(`the recovery ${describeExit(await exited)}`);
    },
    recovery: name => readRecovery(recoveryLog(home, name)),
    async remove({ idempotencyKey }) {
      const record = await records.find(idempotencyKey);
      if (record === undefined || occupiesPort(record)) return;
      await killSurvivors(record);
      await records.remove(record);
      vanishedSince.delete(idempotencyKey);
    },
    close() {
      // No connection is open, and the sessions keep running.
    },
  };
}
