import { relative } from 'node:path';
import picomatch from 'picomatch';

/** What of a working directory is kept: in its archive, and in its journal. */
export interface Selection {
  /** Absolute path of the folder. */
  readonly root: string;
  /**
   * Globs; empty: everything. One without a slash matches a name anywhere (`*.log`), one with a slash the path from
   * the root (`cuberite/**`); names that begin with a dot match as others do. A folder that matches is taken whole.
   */
  readonly include: readonly string[];
  /** Globs as above, and stronger: a folder that matches is not entered. */
  readonly exclude: readonly string[];
  /** Absolute paths that are left out, folders whole: a destination inside the root, archives made before. */
  readonly excludedPaths: readonly string[];
}

/** Tells by a path relative to the root; a path in bytes is made text only where a glob has to be asked. */
export interface Chooser {
  includes(path: string | Buffer): boolean;
  excludes(path: string | Buffer): boolean;
}

export function chooser({ root, include, exclude, excludedPaths }: Selection): Chooser {
  const excluded = matcher(exclude);
  const included = matcher(include);
  const leftOut = new Set(excludedPaths.map(path => relative(root, path)));
  return {
    includes: include.length === 0 ? () => true : path => included(path.toString()),
    excludes: path => {
      if (exclude.length === 0 && leftOut.size === 0) return false;
      const text = path.toString();
      return leftOut.has(text) || excluded(text);
    },
  };
}

function matcher(globs: readonly string[]): (path: string) => boolean {
  const isRooted = (glob: string) => glob.replace(/\/+$/, '').includes('/');
  const tidy = (glob: string) => glob.replace(/^(\.?\/)+(?=.)/, '').replace(/(?<=.)\/+$/, '');
  const matchesPath = anyOf(globs.filter(isRooted).map(tidy));
  const matchesName = anyOf(globs.filter(glob => !isRooted(glob)).map(tidy));
  return path => matchesPath(path) || matchesName(path.slice(path.lastIndexOf('/') + 1));
}

function anyOf(globs: readonly string[]): (text: string) => boolean {
  return globs.length === 0 ? () => false : picomatch([...globs], { dot: true });
}
