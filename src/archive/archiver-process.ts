import { type ChildProcess, spawn } from 'node:child_process';
import type { FileHandle } from 'node:fs/promises';
import { getCompileCacheDir } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeExit, type ExitStatus } from '../process/exit-status.ts';
import { ARCHIVER_COMMAND } from './archiver-messages.ts';
import { openSlots } from './shared-slots.ts';

/** Disposed of, it is killed. */
export interface ArchiverProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  /** See shared-slots.ts. */
  readonly slots: FileHandle;
  /** Once it has ended and all that it sent has arrived: how it ended, as the rest of a sentence. */
  readonly ended: Promise<string>;
}

const MAX_STDERR_CHARS = 2_000;

/** This program: the bundle, or in a checkout main.ts. */
const PROGRAM = programOf(fileURLToPath(import.meta.url));

function programOf(here: string): string {
  return here.endsWith('.ts') ? join(dirname(here), '../main.ts') : here;
}

/**
 * Starts this program's own sub-command in a session of its own, where no terminal reaches it, and with nothing of this
 * process's environment. It loads the addon, and waits for its order.
 * @param isal the addon's path
 * @param chunkBytes the size of the largest chunks that are asked of it
 * @throws {Error} when there is no room for them, or for another process
 */
export async function startArchiver(isal: string, chunkBytes: number): Promise<ArchiverProcess> {
  await using opened = new AsyncDisposableStack();
  const slots = opened.use(await openSlots(chunkBytes));
  const child = spawn(process.execPath, ['--disable-sigusr1', PROGRAM, ARCHIVER_COMMAND, isal], {
    cwd: '/',
    detached: true,
    env: compileCache(),
    stdio: ['ignore', 'ignore', 'pipe', slots.fd, 'ipc'],
    serialization: 'advanced',
  });
  opened.defer(() => void child.kill('SIGKILL'));
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', text => {
    stderr = `${stderr}${text}`.slice(-MAX_STDERR_CHARS);
  });
  const all = opened.move();
  return {
    child,
    slots,
    ended: endOf(child, () => stderr.trim()),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

function compileCache(): NodeJS.ProcessEnv {
  const folder = getCompileCacheDir();
  // It is in use under a folder of this Node's version.
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: dirname(folder) };
}

async function endOf(child: ChildProcess, stderr: () => string): Promise<string> {
  const disconnected = new Promise(resolve => child.once('disconnect', resolve));
  const exit = await new Promise<ExitStatus>(resolve => {
    child.on('error', error => resolve({ failedToStart: error.message }));
    child.once('close', (code, signal) => resolve(signal === null ? { code: code ?? 0 } : { signal }));
  });
  if (!('failedToStart' in exit)) await disconnected;
  const said = stderr();
  return said === '' ? describeExit(exit) : `${describeExit(exit)}: ${said}`;
}
