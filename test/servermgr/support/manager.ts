import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { parseServermgrConfig } from '../../../src/config/servermgr.ts';
import type { PortRange } from '../../../src/config/servermgr-config.ts';
import { LINE_FORMAT } from '../../../src/runtime/log.ts';
import { isRunning } from '../../../src/servermgr/launchers/local/process-identity.ts';
import { sessionFiles } from '../../../src/servermgr/launchers/local/record.ts';
import { openRecords } from '../../../src/servermgr/launchers/local/records.ts';
import { type Manager, startManager } from '../../../src/servermgr/manager.ts';
import { nameOf } from '../../../src/servermgr/session-id.ts';
import { killAllIn } from '../../support/container.ts';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/free-port.ts';

export const ADMIN_TOKEN = 'a-token-of-the-tests';

export function programPath(name: string): string {
  return fileURLToPath(new URL(`../programs/${name}`, import.meta.url));
}

/** The supervisor of the tests, with its options, as SERVERMGR_SUPERVISOR takes it. */
export function supervisorCommand(...options: string[]): string {
  return JSON.stringify([process.execPath, programPath('supervisor.mjs'), ...options]);
}

/** Ports that no other test chooses from. */
export async function portRange(count: number): Promise<PortRange> {
  const first = await freePorts(count);
  return { first, last: first + count - 1 };
}

export interface ManagerFixture extends AsyncDisposable {
  readonly folder: string;
  readonly destination: string;
  /** The environment that its managers are started with. */
  readonly env: Readonly<Record<string, string>>;
  /** Starts a manager, or one more instance of it. */
  startManager(changes?: Record<string, string>): Promise<Manager>;
  /** The working directory of a session. */
  workdir(id: string): Promise<string>;
  /** The session ends by itself. */
  endSession(id: string): Promise<void>;
  /** The ids of all sessions that were started. */
  sessionIds(): Promise<readonly string[]>;
  /** How many supervisors run. */
  aliveCount(): Promise<number>;
  /** How many sessions have been started, whether they have ended or not. */
  startedCount(): Promise<number>;
}

/** A folder for managers with the local launcher. Its disposal ends every session, and removes the folder. */
export async function createManagerFixture(changes: Record<string, string> = {}): Promise<ManagerFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'servermgr-'));
  const managers: Manager[] = [];
  const destination = join(folder, 'archives');
  const ports = await portRange(20);
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? '',
    SERVERMGR_STATE: join(folder, 'state'),
    SERVERMGR_SUPERVISOR: supervisorCommand(),
    SERVERMGR_PORTS: `${ports.first}-${ports.last}`,
    SERVERMGR_ADMIN_TOKEN: ADMIN_TOKEN,
    SERVERMGR_LOG_LEVEL: 'silent',
    SESSION_DESTINATION: destination,
    ...changes,
  };
  const home = join(folder, 'state', 'servermgr');
  const records = openRecords(home);

  async function recordOf(id: string) {
    const record = (await records.list()).find(one => one.id === id);
    if (record === undefined) throw new Error(`there is no session ${nameOf(id)}`);
    return record;
  }

  const aliveCount = async () =>
    (await records.list()).filter(({ process: identity }) => identity && isRunning(identity)).length;

  return {
    folder,
    destination,
    env,
    async startManager(more = {}) {
      const given = { ...env, ...more };
      const { config } = parseServermgrConfig(given, { cwd: folder, demo: undefined });
      const log = pino({ ...LINE_FORMAT, level: config.logLevel });
      const listen = { host: '127.0.0.1', port: 0 };
      const manager = await startManager({ ...config, listen }, { log, env: given });
      managers.push(manager);
      return manager;
    },
    workdir: async id => sessionFiles(await recordOf(id)).workdir,
    async endSession(id) {
      const workdir = sessionFiles(await recordOf(id)).workdir;
      // The supervisor listens when it has written this.
      await environmentIn(workdir);
      await writeFile(join(workdir, 'end'), '');
    },
    sessionIds: async () => (await records.list()).map(({ id }) => id),
    aliveCount,
    startedCount: async () =>
      (await readdir(home).catch(() => [])).filter(
        name => !name.startsWith('.') && !name.includes('recovery'),
      ).length,
    async [Symbol.asyncDispose]() {
      await Promise.all(managers.map(manager => manager.close()));
      await removeSessions(folder, home);
    },
  };
}

/** Kills every session with all that it has started, and removes the folder. */
export async function removeSessions(folder: string, home: string): Promise<void> {
  try {
    await eventually(() => killAll(home));
  } finally {
    await killAllIn(folder);
    // A manager may be recording the exit of a process that it started.
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

/**
 * Kills what runs. @returns whether every process that has been recorded is gone: a launch that broke off, or was stopped
 * before it began, has none, and what has not recorded itself yet is found by its folder.
 */
async function killAll(home: string): Promise<boolean> {
  const records = await openRecords(home).list();
  for (const { process: identity } of records) {
    if (identity !== undefined && isRunning(identity)) process.kill(identity.pid, 'SIGKILL');
  }
  return records.every(({ process: identity }) => identity === undefined || !isRunning(identity));
}

/** What the supervisor of a session was given in its environment. */
export async function environmentIn(workdir: string): Promise<Record<string, string>> {
  return JSON.parse(await eventually(() => readFile(join(workdir, 'environment.json'), 'utf8')));
}
