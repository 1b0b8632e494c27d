import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** What a test program was told: `--port N`, `--online N` and the rest, in order. */
export const { values: settings, positionals: args } = parseArgs({
  allowPositionals: true,
  options: { port: { type: 'string', default: '0' }, online: { type: 'string', default: '0' } },
});

/** Keeps a program that has nothing to do alive; ten minutes later it ends, whoever has forgotten it. */
export function stayAlive(): void {
  setTimeout(() => undefined, 600_000);
}

/** Ends the program with an exit code ("3") or by a signal ("SIGSEGV"). */
export function crash(how: string | undefined): void {
  if (how?.startsWith('SIG')) process.kill(process.pid, how);
  else process.exit(Number(how ?? 1));
}

/** Starts a daemon in a session of its own, which ignores polite signals, and waits until it does so. */
export async function forkDaemon(): Promise<void> {
  const daemon = spawn(
    process.execPath,
    [fileURLToPath(new URL('../programs/daemon.mjs', import.meta.url))],
    {
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  );
  await once(daemon, 'message');
  daemon.disconnect();
  daemon.unref();
}
