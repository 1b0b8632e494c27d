import { access, constants, type FileHandle, open } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Command, CuberiteConfig } from '../../config/session-config.ts';
import { isMissing } from '../../files/errno.ts';

export interface CuberiteCommand {
  readonly command: Command;
  readonly cwd: string;
  readonly output: OutputChoice;
}

/** How the server's output is kept from waiting in a buffer, which an abort would lose; for the report. */
export interface OutputChoice {
  readonly tried: 'flag' | 'stdbuf' | 'none';
  readonly why: string;
}

const FLAG = '--no-output-buffering';

/**
 * The command that runs Cuberite in its prepared folder with its output unbuffered, if there is a way. Nothing is
 * started to find out: a build that knows the flag has its name in its bytes, and one that does not would refuse it
 * and end with 1.
 * @param searchPath the PATH of the children, where stdbuf is looked for.
 * @throws when the binary cannot be read.
 */
export async function cuberiteCommand(
  config: CuberiteConfig,
  folder: string,
  searchPath: string,
): Promise<CuberiteCommand> {
  const { binary } = config;
  const [command, output] = await unbuffered(binary, searchPath);
  return { command, cwd: folder, output };
}

async function unbuffered(binary: string, searchPath: string): Promise<[Command, OutputChoice]> {
  const { knowsFlag, isStatic } = await inspect(binary);
  if (knowsFlag) return [[binary, FLAG], { tried: 'flag', why: `the program knows ${FLAG}` }];
  const none = (why: string): [Command, OutputChoice] => [
    [binary],
    { tried: 'none', why: `the program does not know ${FLAG}, and ${why}` },
  ];
  if (isStatic) return none('stdbuf does not work for statically linked programs');
  const stdbuf = await findProgram('stdbuf', searchPath);
  if (stdbuf === undefined) return none('stdbuf is not installed');
  return [[stdbuf, '-o0', binary], { tried: 'stdbuf', why: `the program does not know ${FLAG}` }];
}

async function inspect(binary: string): Promise<{ knowsFlag: boolean; isStatic: boolean }> {
  const file = await open(binary);
  try {
    return {
      isStatic: await isStaticElf(file),
      knowsFlag: await contains(file, Buffer.from(FLAG.replace(/^--/, ''))),
    };
  } finally {
    await file.close();
  }
}

const CHUNK_BYTES = 1 << 20;

/** Chunks overlap, so that a match across their border is found. */
async function contains(file: FileHandle, needle: Buffer): Promise<boolean> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let position = 0; ; position += CHUNK_BYTES - needle.length + 1) {
    const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, position);
    if (chunk.subarray(0, bytesRead).includes(needle)) return true;
    if (bytesRead < CHUNK_BYTES) return false;
  }
}

const PROGRAM_INTERPRETER = 3;

/**
 * stdbuf preloads a library, which takes a dynamic linker: an ELF program that names none (PT_INTERP, elf(5)) is
 * static. What is no little-endian 64-bit ELF, such as a script that starts the program, gets the benefit of the doubt.
 */
async function isStaticElf(file: FileHandle): Promise<boolean> {
  const { buffer: head, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
  if (bytesRead < 64 || head.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') return false;
  const start = Number(head.readBigUInt64LE(32));
  const [size, count] = [head.readUInt16LE(54), head.readUInt16LE(56)];
  if (start + size * count > bytesRead) return false;
  return !Array.from({ length: count }, (_, index) => head.readUInt32LE(start + index * size)).includes(
    PROGRAM_INTERPRETER,
  );
}

async function findProgram(name: string, searchPath: string): Promise<string | undefined> {
  for (const folder of searchPath.split(delimiter)) {
    const path = join(folder || '.', name);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch (error) {
    if (isMissing(error) || isDenied(error)) return false;
    throw error;
  }
}

function isDenied(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EACCES';
}
