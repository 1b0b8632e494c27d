/** @module-tag slow */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { LocalSettings } from '../../src/config/servermgr-config.ts';
import { listProcesses } from '../../src/process/procfs.ts';
import { openLocal } from '../../src/servermgr/launchers/local/local.ts';
import { openRecords } from '../../src/servermgr/launchers/local/records.ts';
import { HOOK_VARIABLE, type HookSettings, ledgerIn, readLedger } from '../crash-points/ledger.ts';
import { killAllIn, standsIn } from '../support/container.ts';
import { eventually } from '../support/eventually.ts';
import { mapParallel } from '../support/parallel.ts';
import { newRequest } from './support/launch-request.ts';
import { portRange, programPath } from './support/manager.ts';

const HOOK = join(import.meta.dirname, '../crash-points/hook.ts');
const PROGRAM = 'launches.mjs';

test('a manager that is killed at any change of a launch leaves one session, which the same request starts if it has not, and no process besides', {
  tags: ['slow'],
  timeout: 180_000,
}, async () => {
  const points = await launchAndKill(undefined);
  expect(points.length).toBeGreaterThan(5);
  // One that holds the lock when it is killed keeps the next one waiting for ten seconds.
  await mapParallel(points, 8, launchAndKill);
});

/** @param at the point at which the manager is killed; undefined: it is not @returns all that it came to */
async function launchAndKill(at: string | undefined): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'killed-launch-'));
  try {
    const [state, ledger] = [join(folder, 'state'), ledgerIn(folder)];
    await mkdir(ledger);
    const settings: LocalSettings = {
      kind: 'local',
      gameHost: 'localhost',
      dashboard: false,
      supervisor: [process.execPath, programPath('supervisor.mjs')],
      ports: await portRange(1),
    };
    const options = { name: 'tests', stateFolder: state, env: { PATH: process.env.PATH } };
    const env = { SESSION_DESTINATION: join(folder, 'archives') };
    const request = newRequest({ env, idempotencyKey: 'the-same-in-every-test' });
    const hook = {
      by: 'manager',
      folder: state,
      ledger,
      program: PROGRAM,
      ...(at === undefined ? {} : { at }),
    };
    await launch([settings, options, request], hook);
    const next = openLocal(settings, { ...options, log: pino({ level: 'silent' }) });
    expect(await next.launch(request)).toMatchObject({ id: request.id });
    const records = openRecords(join(state, 'tests'));
    await eventually(async () => {
      const [session, ...others] = await next.list(new AbortController().signal);
      const known = (await records.find(request.idempotencyKey))?.process?.pid;
      expect({ phase: session?.state.phase, others, processes: processesIn(folder) }).toEqual({
        phase: 'running',
        others: [],
        processes: [known],
      });
      return true;
    });
    const lines = await readLedger(ledger);
    return lines.flatMap(line => (line.kind === 'point' ? [line.point] : []));
  } finally {
    await killAllIn(folder);
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

async function launch(args: readonly unknown[], hook: HookSettings): Promise<void> {
  const env = { ...process.env, NODE_OPTIONS: `--import=${HOOK}`, [HOOK_VARIABLE]: JSON.stringify(hook) };
  const texts = args.map(each => JSON.stringify(each));
  const child = spawn(process.execPath, [programPath(PROGRAM), ...texts], { env, stdio: 'inherit' });
  const [code, signal] = await once(child, 'exit');
  expect({ code, signal }).toEqual(
    hook.at === undefined ? { code: 0, signal: null } : { code: null, signal: 'SIGKILL' },
  );
}

function processesIn(folder: string): readonly number[] {
  return (listProcesses() ?? []).map(({ pid }) => pid).filter(pid => standsIn(pid, folder));
}
