import { relative } from 'node:path';
import picomatch from 'picomatch';

/** What of a working directory goes into its archive. */
export interface Selection {
  /** Absolute path of the folder that is archived. */
  readonly root: string;
  /**
   * Globs; empty: everything. One without a slash matches a name anywhere (`*.log`), one with a slash the path from
   * the root (`cuberite/**`); names that begin with a dot match as others do. A folder that matches is taken whole.
   */
  readonly include: readonly string[];
  /** Globs as above, and stronger: a folder that matches is not entered. */
  readonly exclude: readonly string[];
  /** Absolute paths that are left out, folders whole: a destination inside the root, archives made before. */
  readonly leaveOut: readonly string[];
}

/** Tells by a path relative to the root. */
export interface Chooser {
  includes(path: string): boolean;
  excludes(path: string): boolean;
}

export function chooser(selection: Selection): Chooser {
  const leftOut = new Set(selection.leaveOut.map(path => relative(selection.root, path)));
  const excluded = matcher(selection.exclude);
  return {
    includes: selection.include.length === 0 ? () => true : matcher(selection.include),
    excludes: path => excluded(path) || leftOut.has(path),
  };
}

function matcher(globs: readonly string[]): (path: string) => boolean {
  const tidy = globs.map(glob => glob.replace(/^(\.?\/)+(?=.)/, '').replace(/(?<=.)\/+$/, ''));
  const isRooted = (glob: string, i: number) => glob.includes('/') || globs[i]?.startsWith('/');
  const rooted = tidy.filter(isRooted);
  const bare = tidy.filter((glob, i) => !isRooted(glob, i));
  const matchesPath = rooted.length === 0 ? () => false : picomatch(rooted, { dot: true });
  const matchesName = bare.length === 0 ? () => false : picomatch(bare, { dot: true });
  return path => matchesPath(path) || matchesName(path.slice(path.lastIndexOf('/') + 1));
}
