import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { sessionFolder } from '../../src/report/session-folder.ts';
import { nameOf } from '../../src/servermgr/session-id.ts';
import { mapParallel } from '../support/parallel.ts';

const MAIN = fileURLToPath(new URL('../support/s3-server-main.ts', import.meta.url));
const PUTS_AT_ONCE = 20;

export interface StoreProcess extends AsyncDisposable {
  readonly url: string;
  /** Each of these sessions tells that one person takes part, as a supervisor does all the time. */
  tellPeople(sessions: readonly string[]): Promise<void>;
  /** How many requests there were, by operation. */
  counts(): Promise<Readonly<Record<string, number>>>;
}

/** The tests' S3, whose work does not count as that of the process that starts it. */
export async function startStore(): Promise<StoreProcess> {
  const child = spawn(process.execPath, [MAIN, '--no-digests'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), ended]);
  if (typeof line !== 'string') throw new Error('the S3 has not started');
  const { url } = JSON.parse(line) as { url: string };

  async function tell(session: string): Promise<void> {
    const people = { present: 1, dashboard: 0, agentInGame: true, peak: 1 };
    const key = `sessions/${sessionFolder(nameOf(session) ?? '')}/journal/status.json`;
    const body = JSON.stringify({ state: 'writing', people });
    const { ok, status } = await fetch(`${url}/bucket/${key}`, { method: 'PUT', body });
    if (!ok) throw new Error(`the S3 has answered with ${status}`);
  }

  return {
    url,
    async tellPeople(sessions) {
      await mapParallel(sessions, PUTS_AT_ONCE, tell);
    },
    async counts() {
      const state = (await (await fetch(`${url}/_state`)).json()) as { counts: Record<string, number> };
      return state.counts;
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}
