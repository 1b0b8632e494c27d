import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Docker's command line, for one engine. */
export interface Docker {
  /** The environment for scripts that call Docker by themselves. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Runs one command. @returns what it printed, trimmed.
   * @throws with its stderr when it fails.
   */
  (...args: readonly string[]): Promise<string>;
}

const run = promisify(execFile);

const LONGEST_OUTPUT_BYTES = 64 * 1024 * 1024;

/** @param client the program; @param host where the engine listens; undefined: where the client looks by itself. */
export function dockerAt(client: string, host: string | undefined): Docker {
  const env = { ...process.env, DOCKER: client, ...(host === undefined ? {} : { DOCKER_HOST: host }) };
  const docker = async (...args: readonly string[]) => {
    const { stdout, stderr } = await run(client, args, { env, maxBuffer: LONGEST_OUTPUT_BYTES });
    // A container's log comes on both streams.
    return args[0] === 'logs' ? stdout + stderr : stdout.trim();
  };
  return Object.assign(docker, { env });
}
