import { realpath } from 'node:fs/promises';
import type { Command, CuberiteConfig } from '../../config/session-config.ts';
import { findExecutable } from '../../files/find-executable.ts';
import { openRegularFile } from '../../files/open.ts';

export interface CuberiteCommand {
  readonly command: Command;
  readonly cwd: string;
  readonly output: OutputChoice;
}

/** How the server's output is kept out of a buffer, which would be lost when the server aborts; for the report. */
export interface OutputChoice {
  readonly tried: 'flag' | 'stdbuf' | 'none';
  readonly why: string;
}

const FLAG = '--no-output-buffering';

/**
 * The command that runs Cuberite in its prepared folder, with unbuffered output where possible: by its own flag, else
 * by stdbuf(1), which has no effect on a statically linked program. Nothing is started to find out: a build that knows
 * the flag contains its name, and one that does not would refuse it and exit with 1.
 * @param folder absolute path: where the server runs
 * @param path the children's PATH, where stdbuf is looked for
 * @throws when the binary cannot be read
 */
export async function cuberiteCommand(
  { binary }: CuberiteConfig,
  folder: string,
  path: string | undefined,
): Promise<CuberiteCommand> {
  if (await contains(binary, Buffer.from(FLAG.replace(/^--/, '')))) {
    const output = { tried: 'flag', why: `the program knows ${FLAG}` } as const;
    return { command: [binary, FLAG], cwd: folder, output };
  }
  const why = `the program does not know ${FLAG}`;
  const stdbuf = await findExecutable('stdbuf', { path, cwd: folder });
  return stdbuf === undefined
    ? {
        command: [binary],
        cwd: folder,
        output: { tried: 'none', why: `${why}, and stdbuf is not installed` },
      }
    : { command: [stdbuf, '-o0', binary], cwd: folder, output: { tried: 'stdbuf', why } };
}

const CHUNK_BYTES = 1 << 20;

/** Whether a file contains these bytes. Chunks overlap, so that a match across their border is found. */
async function contains(path: string, needle: Buffer): Promise<boolean> {
  await using file = await openRegularFile(await realpath(path));
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let position = 0; ; position += CHUNK_BYTES - needle.length + 1) {
    const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, position);
    if (chunk.subarray(0, bytesRead).includes(needle)) return true;
    if (bytesRead < CHUNK_BYTES) return false;
  }
}
