import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { CERTIFICATE } from '../../test/support/tls.ts';

export type Scheme = 'http' | 'https';

export interface S3Process {
  readonly url: string;
  /** The path of its certificate; undefined: it is without TLS. */
  readonly certificate: string | undefined;
  /** The size of an object in its bucket `bucket`. */
  bytesOf(key: string): Promise<number>;
  stop(): void;
}

/** Where it listens. */
export interface StoreNetwork {
  /** The command that runs another one there. */
  readonly runner: readonly string[];
  readonly host: string;
}

const LOOPBACK: StoreNetwork = { runner: [], host: '127.0.0.1' };

/**
 * Starts the tests' S3 as a process of its own, which keeps no content. This process has to trust its certificate.
 * @param network default: this machine's own
 */
export async function startS3Process(scheme: Scheme, network: StoreNetwork = LOOPBACK): Promise<S3Process> {
  const program = join(import.meta.dirname, '../../test/support/s3-server-main.ts');
  const { runner, host } = network;
  const args = ['--discard', '--no-digests', '--host', host, ...(scheme === 'https' ? ['--tls'] : [])];
  const [command = '', ...before] = [...runner, process.execPath];
  const child = spawn(command, [...before, program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const { url }: { url: string } = JSON.parse(line);
    return {
      url,
      certificate: scheme === 'https' ? CERTIFICATE : undefined,
      bytesOf: async key => {
        const answer = await fetch(`${url}/bucket/${key}`, { method: 'HEAD' });
        return Number(answer.headers.get('content-length'));
      },
      stop: () => child.kill(),
    };
  }
  throw new Error("the tests' S3 did not start");
}
