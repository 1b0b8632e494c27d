import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import type { CuberiteConfig } from '../../config/session-config.ts';
import { isMissing } from '../../files/errno.ts';
import { CONSOLE_LUA, CONSOLE_PLUGIN, withConsole } from './console-plugin.ts';
import { copyTree } from './copy-tree.ts';
import { type Ini, parseIni, serialiseIni, setValue, valueIn } from './ini.ts';
import { availablePlugins, configurationPlugins, enabledPlugins, enablePlugins } from './plugins.ts';

export interface PreparedFolder {
  /** Absolute path: where Cuberite runs. */
  readonly folder: string;
  /** The plug-ins that its settings enable. */
  readonly plugins: readonly string[];
  /** What was done that nobody asked for, each a sentence. */
  readonly notices: readonly string[];
}

export interface FolderOptions {
  readonly workdir: string;
  readonly port: number;
}

/**
 * Makes `<workdir>/cuberite` ready for the server: a copy of the configuration folder with the plug-ins in `Plugins`,
 * and the port, the plug-ins, the world's seed and mode, and the WebAdmin set in its INI files. What a kept folder
 * holds stays as it is, but for those settings and for the plug-ins' files, which are copied again. Each file appears
 * whole, so that a preparation that was cut off is completed by the next.
 * @throws when the folder cannot be made or the configuration cannot be read.
 */
export async function prepareFolder(config: CuberiteConfig, session: FolderOptions): Promise<PreparedFolder> {
  const folder = join(session.workdir, 'cuberite');
  try {
    const links = await copyFiles(config, folder);
    const available = await availablePlugins(config);
    const plugins = await wantedPlugins(config, available);
    const server = await setUpServer(folder, session.port, plugins, available);
    const world = await setUpWorld(config, session.workdir, folder, server.settings);
    await setUpWebAdmin(config, folder);
    return { folder, plugins, notices: [...links, ...server.notices, ...world] };
  } catch (cause) {
    throw new Error(`could not prepare Cuberite's folder ${folder}`, { cause });
  }
}

/** @returns a notice for every link that leads nowhere. */
async function copyFiles(config: CuberiteConfig, folder: string): Promise<string[]> {
  const own = await configurationPlugins(config);
  const dangling = [
    ...(await copyTree(config.configFolder, folder, { update: false, except: ['Plugins'] })),
    ...(await copyTree(join(config.home, 'cuberite_plugins'), join(folder, 'Plugins'), {
      update: true,
      except: own,
    })),
    ...(await copyTree(join(config.configFolder, 'Plugins'), join(folder, 'Plugins'), { update: true })),
  ];
  return dangling.map(
    path => `${path} is a link that leads nowhere: it was left out of the server's folder.`,
  );
}

/** The configuration's own plug-ins that exist, the ones asked for, and what gives the console its `say`. */
async function wantedPlugins(config: CuberiteConfig, available: readonly string[]): Promise<string[]> {
  const settings = await readIni(join(config.configFolder, 'settings.ini'));
  const own = enabledPlugins(settings).filter(name => available.includes(name));
  return withConsole([...new Set([...own, ...config.plugins])]);
}

async function setUpServer(
  folder: string,
  port: number,
  plugins: readonly string[],
  available: readonly string[],
): Promise<{ settings: Ini; notices: string[] }> {
  if (plugins.includes(CONSOLE_PLUGIN)) {
    await publish(join(folder, 'Plugins', CONSOLE_PLUGIN, `${CONSOLE_PLUGIN}.lua`), Buffer.from(CONSOLE_LUA));
  }
  const path = join(folder, 'settings.ini');
  const found = await readIni(path);
  const dropped = enabledPlugins(found).filter(name => !plugins.includes(name));
  const settings = enablePlugins(setValue(found, 'Server', 'Ports', String(port)), plugins);
  await publish(path, serialiseIni(settings));
  return { settings, notices: dropped.map(name => whyDropped(name, available.includes(name))) };
}

function whyDropped(name: string, exists: boolean): string {
  return exists
    ? `settings.ini enabled the plug-in "${name}", which is not asked for any more: its line was dropped.`
    : `settings.ini names the plug-in "${name}", which does not exist: its line was dropped.`;
}

/** Seed and mode go into the default world, wherever `[Worlds]` and `[WorldPaths]` say that it is. */
async function setUpWorld(
  config: CuberiteConfig,
  workdir: string,
  folder: string,
  settings: Ini,
): Promise<string[]> {
  const name = valueIn(settings, 'Worlds', 'DefaultWorld') || 'world';
  const worldFolder = resolve(folder, valueIn(settings, 'WorldPaths', name) || name);
  const path = join(worldFolder, 'world.ini');
  const found = await readIni(path);
  const mode = config.mode === 'creative' ? '1' : '0';
  const world = setValue(setValue(found, 'General', 'GameMode', mode), 'Seed', 'Seed', config.seed);
  await publish(path, serialiseIni(world));

  const seed = valueIn(found, 'Seed', 'Seed');
  const notices = [];
  if (seed !== undefined && seed !== config.seed && (await isThere(join(worldFolder, 'region')))) {
    notices.push(
      `The kept world was made with the seed ${seed}: what is new in it comes from ${config.seed}.`,
    );
  }
  if (relative(workdir, worldFolder).split('/')[0] === '..') {
    notices.push(`The world's folder ${worldFolder} is outside the working directory: it is not archived.`);
  }
  return notices;
}

/** Off, or as the configuration has it; Cuberite opens it where no file says otherwise. */
async function setUpWebAdmin(config: CuberiteConfig, folder: string): Promise<void> {
  const path = join(folder, 'webadmin.ini');
  const configured = valueIn(await readIni(join(config.configFolder, 'webadmin.ini')), 'WebAdmin', 'Enabled');
  const found = await readIni(path);
  if (config.webAdmin && found.lines.length === 0) return;
  const enabled = config.webAdmin ? (configured ?? '1') : '0';
  await publish(path, serialiseIni(setValue(found, 'WebAdmin', 'Enabled', enabled)));
}

/** An INI file, or an empty one where there is none. */
async function readIni(path: string): Promise<Ini> {
  try {
    return parseIni(await readFile(path));
  } catch (error) {
    if (isMissing(error)) return { lines: [] };
    throw error;
  }
}

/** Writes a file whole or not at all. */
async function publish(path: string, bytes: Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.part`, bytes);
  await rename(`${path}.part`, path);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
