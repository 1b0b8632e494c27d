import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';

/** Unpacks an archive with GNU tar into a new folder. @throws when it is damaged */
export async function unpack(pieces: readonly string[], folder: string): Promise<void> {
  await mkdir(folder);
  const command = 'set -o pipefail; folder=$1; shift; cat "$@" | tar -xzf - -C "$folder"';
  // Its input is a socket, with which bash takes itself for a remote shell, and runs what its user has in .bashrc.
  await promisify(execFile)('bash', ['--norc', '-c', command, 'bash', folder, ...pieces]);
}
