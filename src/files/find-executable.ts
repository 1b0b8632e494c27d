import { access, constants, stat } from 'node:fs/promises';
import { delimiter, resolve } from 'node:path';

export interface SearchOptions {
  /** Folders, as in the variable PATH of the process that is to run the program. */
  readonly path: string | undefined;
  /** Absolute path: where relative names and relative or empty entries of PATH start from. */
  readonly cwd: string;
}

/** The PATH that execvp(3) of glibc uses when the variable is not set. */
const DEFAULT_PATH = '/bin:/usr/bin';

/**
 * Finds a program as execvp(3) does: a name with a slash is a path, any other name is looked up in PATH.
 * @returns the absolute path of an executable file; undefined when there is none. What the file needs to run (an
 * interpreter, a dynamic linker) is not checked, and neither are the rights of another user.
 */
export async function findExecutable(file: string, options: SearchOptions): Promise<string | undefined> {
  const candidates = candidatePaths(file, options);
  const executable = await Promise.all(candidates.map(isExecutableFile));
  return candidates.find((_, index) => executable[index]);
}

function candidatePaths(file: string, { path = DEFAULT_PATH, cwd }: SearchOptions): readonly string[] {
  if (file.includes('/')) return [resolve(cwd, file)];
  return path.split(delimiter).map(folder => resolve(cwd, folder, file));
}

/** execvp goes on to the next folder whatever the reason is that this one does not do. */
async function isExecutableFile(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
