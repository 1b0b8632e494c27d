import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { DestinationUrl, SessionConfig } from '../config/session-config.ts';
import { STATE_FOLDER } from '../control-socket/protocol.ts';
import { nthName, reportName } from '../save/archive-name.ts';

/**
 * What of the working directory is not the session's: the supervisor's state, and archives that land inside it.
 * @returns absolute paths.
 */
export async function excludedPaths(config: SessionConfig): Promise<string[]> {
  const { workdir, save, timestamp } = config;
  const places = [save.destination, save.fallback].filter(place => place !== undefined);
  const inside = await Promise.all(places.map(place => ownFiles(place, config)));
  const home = (place: DestinationUrl) =>
    place.kind === 'directory' ? leftOutHome(place.path, workdir, timestamp) : [];
  return [join(workdir, STATE_FOLDER), ...inside.flat(), ...places.flatMap(home)];
}

/** A destination folder below the working directory is left out whole; one that holds it, only as far as it must. */
function leftOutHome(path: string, workdir: string, timestamp: string): string[] {
  const way = relative(workdir, path);
  const isBelow = way !== '' && !way.startsWith('..');
  return isBelow ? [path] : way === '' ? [join(path, timestamp), join(path, 'turk')] : [];
}

/** CRAFTASSIST_NO_UPLOAD: this archive, and those of earlier sessions, lie among the files. */
async function ownFiles(place: DestinationUrl, { save: { archiveName } }: SessionConfig): Promise<string[]> {
  if (place.kind !== 'inside') return [];
  const own = [archiveName, 'session.json'];
  const numbered = (await readdir(place.path)).filter(name => isNumbered(name, archiveName));
  return [...own, ...numbered].map(name => join(place.path, name));
}

function isNumbered(name: string, archiveName: string): boolean {
  const n = Number(/\.(\d+)\./.exec(name)?.[1]);
  const plain = name.replace(/\.part$/, '');
  return plain === archiveName || plain === nthName(archiveName, n) || plain === reportName(n);
}
