import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** A program that unpacks a tar from its stdin into the folder it is started in. */
export interface Reader {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
}

const PYTHON = `
import sys, tarfile
with tarfile.open(fileobj=sys.stdin.buffer, mode='r|*') as archive:
    archive.extractall('.', **({'filter': 'fully_trusted'} if hasattr(tarfile, 'data_filter') else {}))
`;

export const READERS: readonly Reader[] = [
  { name: 'GNU tar', command: ['tar', '-xzpf', '-'], env: { LC_ALL: 'C.UTF-8' } },
  { name: 'bsdtar', command: ['bsdtar', '-xpf', '-'], env: { LC_ALL: 'C.UTF-8' } },
  { name: 'bsdtar without a locale', command: ['bsdtar', '-xpf', '-'], env: { LC_ALL: 'C' } },
  { name: "Python's tarfile", command: ['python3', '-c', PYTHON], env: { LC_ALL: 'C.UTF-8' } },
];

/** Unpacks into a new folder below `scratch`. @returns what is there, in the words of `describe` */
export function unpack<T>(
  reader: Reader,
  archive: Buffer,
  scratch: string,
  describe: (folder: string) => T,
): T {
  const folder = join(scratch, reader.name.replaceAll(/\W/g, '-'));
  mkdirSync(folder);
  const [file, ...args] = reader.command;
  const run = spawnSync(file, args, { cwd: folder, input: archive, env: { ...process.env, ...reader.env } });
  if (run.status !== 0) throw new Error(`${reader.name}: ${run.error ?? run.stderr.toString()}`);
  return describe(folder);
}
