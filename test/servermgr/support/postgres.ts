import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { hasCode } from '../../../src/files/errno.ts';
import { listProcesses } from '../../../src/process/procfs.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/free-port.ts';
import { writeCertificate } from './certificate.ts';

const run = promisify(execFile);
/** Where Debian has it, a folder a version. */
const DEBIAN = '/usr/lib/postgresql';

export interface Postgres extends AsyncDisposable {
  readonly url: string;
  /** Ends it at once, as a crash would: whoever is connected is cut off, and nobody can connect. */
  kill(): Promise<void>;
  /** Starts it again, with all that it had. */
  start(): Promise<void>;
  /** It goes on to be there, and answers nothing. */
  freeze(): void;
  thaw(): void;
  query<Row extends pg.QueryResultRow>(text: string): Promise<Row[]>;
}

/**
 * A cluster of this test's own, on loopback.
 * @param tls it takes nothing but TLS, with a certificate that nobody has signed but itself, as Heroku's do; whoever is
 *   not the tests' own user needs a password then
 */
export async function startPostgres({ tls = false }: { readonly tls?: boolean } = {}): Promise<Postgres> {
  const bin = await programs();
  const folder = await mkdtemp(join(tmpdir(), 'postgres-'));
  const port = await freePort();
  const user = await serverUser();
  await chmod(folder, 0o700);
  await chown(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  await run(join(bin, 'initdb'), ['--auth=trust', '--username=tests', '--no-sync', data], user);
  const settings: Record<string, string | number> = {
    ...{ port, fsync: 'off', unix_socket_directories: folder, listen_addresses: '127.0.0.1' },
    ...(tls && (await certify(folder, user))),
  };
  if (tls) await writeFile(join(data, 'pg_hba.conf'), TLS_ONLY);
  let server: ChildProcess | undefined;

  async function start(): Promise<void> {
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    server = spawn(join(bin, 'postgres'), ['-D', data, ...args], { ...user, stdio: 'ignore' });
    await eventually(async () => (await query('select 1')).length === 1);
  }

  async function kill(): Promise<void> {
    if (server === undefined || server.exitCode !== null) return;
    const ended = once(server, 'exit');
    // Its "immediate shutdown": the backends end as well, without a word to their clients.
    server.kill('SIGQUIT');
    await ended;
  }

  async function query<Row extends pg.QueryResultRow>(text: string): Promise<Row[]> {
    const client = new pg.Client({ connectionString: url, ssl, connectionTimeoutMillis: 2_000 });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Row>(text)).rows;
    } finally {
      await client.end();
    }
  }

  function signalAll(signal: NodeJS.Signals): void {
    const pid = server?.exitCode === null ? server.pid : undefined;
    if (pid === undefined) return;
    const backends = (listProcesses() ?? []).filter(({ parent }) => parent === pid);
    for (const each of [pid, ...backends.map(backend => backend.pid)]) {
      try {
        process.kill(each, signal);
      } catch (error) {
        // A backend whose client has just left.
        if (!hasCode(error, 'ESRCH')) throw error;
      }
    }
  }

  const ssl = tls && { rejectUnauthorized: false };
  const url = `postgres://tests@127.0.0.1:${port}/postgres`;
  await start();
  return {
    ...{ url, kill, start, query },
    freeze: () => signalAll('SIGSTOP'),
    thaw: () => signalAll('SIGCONT'),
    async [Symbol.asyncDispose]() {
      signalAll('SIGCONT');
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** https://www.postgresql.org/docs/current/auth-pg-hba-conf.html */
const TLS_ONLY = 'hostssl all tests 127.0.0.1/32 trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n';

/** @returns the settings that name its key and certificate */
async function certify(folder: string, user: { readonly uid: number; readonly gid: number }) {
  const { keyFile, certificateFile } = await writeCertificate(folder, ['localhost']);
  await chmod(keyFile, 0o600);
  for (const file of [keyFile, certificateFile]) await chown(file, user.uid, user.gid);
  return { ssl: 'on', ssl_key_file: keyFile, ssl_cert_file: certificateFile };
}

async function programs(): Promise<string> {
  const [newest] = (await readdir(DEBIAN)).sort((a, b) => Number(b) - Number(a));
  if (newest === undefined) throw new Error('Postgres is missing: run sh scripts/install-postgres.sh');
  return join(DEBIAN, newest, 'bin');
}

/** It refuses to run as root. */
async function serverUser(): Promise<{ uid: number; gid: number }> {
  const { uid, gid } = userInfo();
  if (uid !== 0) return { uid, gid };
  const id = async (flag: string) => Number((await run('id', [flag, 'postgres'])).stdout);
  return { uid: await id('-u'), gid: await id('-g') };
}
