import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { COMPILE_CACHE } from '../../support/built.ts';
import type { AwsServer } from './aws-server.ts';
import type { FakeTask } from './aws-tasks.ts';
import type { AwsTrouble } from './aws-trouble.ts';
import { programPath } from './manager.ts';

export interface AwsProcess extends AsyncDisposable {
  readonly url: string;
  readonly gamePort: number;
  read(): Promise<AwsState>;
  /** The session ends by itself. @returns when, in milliseconds since the epoch */
  end(session: string): Promise<number>;
  /** For so long to list and to describe tasks is throttled, whoever asks. */
  throttle(forMs: number): Promise<void>;
  /** From now on. */
  trouble(what: AwsTrouble): Promise<void>;
}

export interface AwsState {
  readonly counts: ReturnType<AwsServer['counts']>;
  readonly refused: number;
  /** How many requests had read tasks when each look at all of them began. */
  readonly looks: readonly number[];
  readonly pings: number;
  readonly tasks: readonly ToldTask[];
}

export type ToldTask = Pick<FakeTask, 'taskArn' | 'host' | 'createdMs' | 'stopped'> & {
  readonly session: string | undefined;
  readonly manager: string | undefined;
  readonly visitor: string | undefined;
};

/** The program `aws.mjs`, whose work does not count as that of the process that starts it. @param args its options */
export async function startAwsProcess(args: readonly string[]): Promise<AwsProcess> {
  const child = spawn(process.execPath, [programPath('aws.mjs'), ...args], {
    env: { PATH: process.env.PATH ?? '', ...COMPILE_CACHE },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), ended]);
  if (typeof line !== 'string') throw new Error('the simulated AWS has not started');
  const { url, gamePort, control } = JSON.parse(line) as { url: string; gamePort: number; control: string };
  // A connection that is kept may be closed just when it is used again.
  const ask = (path = '', init: RequestInit = {}) =>
    fetch(`${control}${path}`, { ...init, headers: { connection: 'close' } });
  return {
    url,
    gamePort,
    read: async () => (await (await ask()).json()) as AwsState,
    async end(session) {
      return Number(await (await ask(`/end?session=${session}`, { method: 'POST' })).text());
    },
    async throttle(forMs) {
      await ask(`/throttle?ms=${forMs}`, { method: 'POST' });
    },
    async trouble(what) {
      await ask('/trouble', { method: 'POST', body: JSON.stringify(what) });
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}
