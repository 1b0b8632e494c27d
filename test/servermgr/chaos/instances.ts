import { setTimeout } from 'node:timers/promises';
import { freePort } from '../../support/free-port.ts';
import type { Random } from '../../support/random.ts';
import { type Program, startProgram } from '../support/program.ts';

export interface Instances extends AsyncDisposable {
  readonly ports: readonly number[];
  /**
   * Kills one of them, which is started again at once, as a platform does. The last one that runs is left: without its
   * database none starts, and on a machine that is busy that takes more than ten seconds.
   */
  killOne(): void;
  /** What was wrong with any of them. */
  readonly faults: readonly string[];
  /** Looks through the logs of those that run. */
  check(): void;
}

const RESTART_MS = 500;
/** What no log may have in it: a fault of the program's, or a page that says that something went wrong. */
const FAULT =
  /"event":"request_failed"|"level":"(?:error|fatal)"|"type":"(?:TypeError|RangeError|ReferenceError)"|[Uu]nhandled/;

/** Instances of one manager. */
export async function startInstances(
  env: Readonly<Record<string, string>>,
  cwd: string,
  { count, random }: { readonly count: number; readonly random: Random },
): Promise<Instances> {
  const ports = await Promise.all(Array.from({ length: count }, () => freePort()));
  const running = new Map<number, Program>();
  const killed = new Set<Program>();
  const faults: string[] = [];
  let isClosing = false;

  /** Until it runs: without its database an instance does not start. */
  async function start(port: number): Promise<void> {
    while (!isClosing) {
      try {
        const program = await startProgram({ ...env, SERVERMGR_LISTEN: `127.0.0.1:${port}` }, cwd);
        if (isClosing) return void (await program.stop('SIGKILL'));
        running.set(port, program);
        program.child.once('exit', (code, signal) => {
          if (!killed.has(program))
            faults.push(`it ended by itself, with ${code ?? signal}: ${program.output().slice(-2_000)}`);
        });
        return;
      } catch (error) {
        const { message } = error as Error;
        if (!/DATABASE_URL|database/i.test(message)) faults.push(`it did not start: ${message}`);
        await setTimeout(RESTART_MS);
      }
    }
  }

  function checkLog(program: Program): void {
    const lines = program.output().split('\n');
    // The first one may be cut off.
    for (const line of lines.slice(1))
      if (FAULT.test(line)) faults.push(`its log says: ${line.slice(0, 1_500)}`);
  }

  async function kill(port: number, program: Program): Promise<void> {
    killed.add(program);
    running.delete(port);
    await program.stop('SIGKILL');
    checkLog(program);
  }

  await Promise.all(ports.map(start));
  return {
    ports,
    faults,
    killOne() {
      const [first, ...others] = running;
      if (first === undefined || others.length === 0) return;
      const [port, program] = random.pick([first, ...others]);
      void kill(port, program).then(() => start(port));
    },
    check() {
      for (const program of running.values()) checkLog(program);
    },
    async [Symbol.asyncDispose]() {
      isClosing = true;
      await Promise.all([...running].map(([port, program]) => kill(port, program)));
    },
  };
}
