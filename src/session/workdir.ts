import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { type KeyNames, renderKey, SESSIONS_FOLDER } from '../config/key-template.ts';
import type { ChildName, DestinationUrl, SessionConfig } from '../config/session-config.ts';
import { STATE_FOLDER } from '../control-socket/protocol.ts';
import { isMissing } from '../files/errno.ts';
import { nthName, reportName } from '../save/archive-name.ts';
import { pathBelow } from './bind-mounts.ts';

/** Names that readers of earlier sessions know. */
const CHILD_LOGS = { setup: 'setup.log', server: 'cuberite_process.log', agent: 'agent.log' } as const;

/** The same, with all folders by their real paths: they tell whether a destination lies inside the working directory. */
export async function withRealPaths(config: SessionConfig): Promise<SessionConfig> {
  const { save } = config;
  const workdir = await realPath(config.workdir);
  const real = async <Url extends DestinationUrl>(url: Url): Promise<Url> => {
    if (url.kind === 's3') return url;
    const path = await realPath(url.path);
    return { ...url, path: (await pathBelow(workdir, path)) ?? path };
  };
  const destination = await real(save.destination);
  const fallback = save.fallback && (await real(save.fallback));
  return { ...config, workdir, save: { ...save, destination, fallback } };
}

/** Of a path whose last folders need not be there yet. */
async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (!isMissing(error) || path === dirname(path)) throw error;
    return join(await realPath(dirname(path)), basename(path));
  }
}

/** The absolute path of a child's log. */
export function childLog({ workdir }: SessionConfig, name: ChildName): string {
  return join(workdir, CHILD_LOGS[name]);
}

/** The absolute path of the supervisor's own log. */
export function supervisorLog({ workdir }: SessionConfig): string {
  return join(workdir, 'supervisor.log');
}

/**
 * What of the working directory is not archived: the supervisor's state, and archives that land inside it.
 * @param name the one that the session has claimed
 * @param experiment the id of its experiment, as far as it is known
 * @returns absolute paths.
 */
export async function excludedPaths(
  config: SessionConfig,
  name: string,
  experiment: string | undefined = config.save.experiment,
): Promise<string[]> {
  const { workdir, save } = config;
  const urls = [save.destination, save.fallback].filter(url => url !== undefined);
  const paths = await Promise.all(urls.map(url => pathsOf(url, config, { timestamp: name, experiment })));
  return [join(workdir, STATE_FOLDER), ...paths.flat()];
}

async function pathsOf(url: DestinationUrl, config: SessionConfig, names: KeyNames): Promise<string[]> {
  switch (url.kind) {
    case 's3':
      return [];
    case 'directory':
      return destinationPaths(url.path, config, names);
    case 'inside':
      return archivePaths(url.path, config);
    default:
      return url satisfies never;
  }
}

/** A destination below the working directory is excluded whole; the working directory itself, only as far as needed. */
function destinationPaths(path: string, { workdir, save }: SessionConfig, names: KeyNames): string[] {
  const below = relative(workdir, path);
  if (below === '') {
    const keys = [names, { ...names, experiment: undefined }].map(known => renderKey(save.key, known));
    const folders = keys.map(key => key.split('/', 1)[0] ?? key);
    return [SESSIONS_FOLDER, 'turk', ...folders].map(folder => join(path, folder));
  }
  return below.startsWith('..') ? [] : [path];
}

/** CRAFTASSIST_NO_UPLOAD: this archive, and those of earlier sessions, lie among the files. */
async function archivePaths(path: string, { save: { archiveName } }: SessionConfig): Promise<string[]> {
  const numbered = (await readdir(path)).filter(name => isNumbered(name, archiveName));
  return [archiveName, 'session.json', ...numbered].map(name => join(path, name));
}

function isNumbered(name: string, archiveName: string): boolean {
  const n = Number(/\.(\d+)\./.exec(name)?.[1]);
  const plain = name.replace(/\.part$/, '');
  return plain === archiveName || plain === nthName(archiveName, n) || plain === reportName(n);
}
