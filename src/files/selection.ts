import { relative } from 'node:path';
import picomatch from 'picomatch';

/** Which part of a working directory goes into its archive and its journal. */
export interface Selection {
  /** Absolute path of the folder. */
  readonly root: string;
  /**
   * Globs; empty: everything. One without a slash matches a name anywhere (`*.log`), one with a slash the path from
   * the root (`cuberite/**`); names that begin with a dot match as others do. A folder that matches is included whole.
   */
  readonly include: readonly string[];
  /** Globs as above, which take precedence over `include`; a folder that matches is not entered. */
  readonly exclude: readonly string[];
  /** Absolute paths that are excluded, folders whole: a destination inside the root, archives of earlier sessions. */
  readonly excludedPaths: readonly string[];
}

/** Decides by a path relative to the root; a path in bytes is converted only where there is a glob to match. */
export interface Chooser {
  includes(path: string | Buffer): boolean;
  excludes(path: string | Buffer): boolean;
}

export function chooser({ root, include, exclude, excludedPaths }: Selection): Chooser {
  const excluded = matcher(exclude);
  const included = matcher(include);
  const excludedWhole = new Set(excludedPaths.map(path => relative(root, path)));
  return {
    includes: include.length === 0 ? () => true : path => included(path.toString()),
    excludes: path => {
      if (exclude.length === 0 && excludedWhole.size === 0) return false;
      const text = path.toString();
      return excludedWhole.has(text) || excluded(text);
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
