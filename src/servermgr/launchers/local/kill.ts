import { setTimeout as delay } from 'node:timers/promises';
import { hasCode } from '../../../files/errno.ts';
import { withKin } from '../../../process/process-group.ts';
import { environmentOf, listProcesses, type Process } from '../../../process/procfs.ts';
import { nameOf } from '../../session-id.ts';
import type { SessionIdentity } from '../identity.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** Whoever is not gone by then hangs inside the kernel, and ends when that lets him. */
const KILL_MS = 3_000;
const SCAN_INTERVAL_MS = 20;
/** Scans in a row that must find nothing: during an exec a process has no environment for a moment. */
const CLEAN_SCANS = 2;

/**
 * Kills the supervisor of a session with all that it has started. It goes last, and starts nothing from here on: should
 * this process end in between, whoever finds the supervisor does the rest.
 */
export async function killSession(session: SessionIdentity, supervisor: ProcessIdentity): Promise<void> {
  sendSignal(supervisor.pid, 'SIGSTOP');
  await killSurvivors(session, supervisor.pid);
  sendSignal(-supervisor.pid, 'SIGKILL');
}

/**
 * Kills what a session has started and its supervisor has not ended, whatever process group and session it has put
 * itself into: all of it has the session's name in its environment, or is kin of what has.
 * @param supervisor is not killed
 */
export async function killSurvivors({ id }: SessionIdentity, supervisor?: number): Promise<void> {
  const marker = `TIMESTAMP=${nameOf(id)}`;
  const giveUpAtMs = performance.now() + KILL_MS;
  for (let cleanScans = 0; ; ) {
    const survivors = await findSurvivors(marker, supervisor);
    // Whole groups: so the signal reaches also what is forked at that moment.
    for (const { pid, group } of survivors) sendSignal(group === supervisor ? pid : -group, 'SIGKILL');
    cleanScans = survivors.length === 0 ? cleanScans + 1 : 0;
    if (cleanScans === CLEAN_SCANS || performance.now() >= giveUpAtMs) return;
    await delay(SCAN_INTERVAL_MS);
  }
}

async function findSurvivors(marker: string, supervisor: number | undefined): Promise<readonly Process[]> {
  const all = listProcesses() ?? [];
  const own = all.find(({ pid }) => pid === process.pid)?.group;
  const candidates = all.filter(({ group }) => group !== own);
  const isOurs = await Promise.all(
    candidates.map(async ({ pid }) => pid === supervisor || (await environmentOf(pid)).includes(marker)),
  );
  const ours = candidates.filter((_, index) => isOurs[index]);
  return withKin(ours, candidates).filter(({ pid }) => pid !== supervisor);
}

/** Signals a process, or with a negative number a group, that may have ended by itself. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}
