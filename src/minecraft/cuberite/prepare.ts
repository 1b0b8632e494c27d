import { mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import type { CuberiteConfig } from '../../config/session-config.ts';
import { writeAtomicallySync } from '../../files/atomic-write.ts';
import { unlessMissing } from '../../files/errno.ts';
import { rejectForeignLinks } from '../../files/foreign-links.ts';
import { readRegularFile } from '../../files/open.ts';
import { CONSOLE_LUA, CONSOLE_PLUGIN, withConsole } from './console-plugin.ts';
import { copyTree } from './copy-tree.ts';
import { keepEarlierLog } from './earlier-log.ts';
import { type Ini, parseIni, serialiseIni, setValue, valueIn } from './ini.ts';
import { availablePlugins, configurationPlugins, enabledPlugins, enablePlugins } from './plugins.ts';
import { WORLD_PLUGIN, type WorldPluginOptions, worldLua } from './world-plugin.ts';

export interface PreparedFolder {
  /** Absolute path: where Cuberite runs. */
  readonly folder: string;
  /** The plug-ins that its settings enable. */
  readonly plugins: readonly string[];
  /** What was changed without having been configured, each a sentence. */
  readonly notices: readonly string[];
}

export interface FolderOptions {
  readonly workdir: string;
  readonly port: number;
  readonly world: WorldPluginOptions;
}

/**
 * Prepares `<workdir>/cuberite` for the server: a copy of the configuration folder with the plug-ins in `Plugins`; and
 * port, plug-ins, the message of a stop, the world's seed and mode, and WebAdmin set in its INI files. In a folder that
 * is kept from an earlier session only these settings and the files of the plug-ins are replaced. Each file is written
 * atomically, so that the next preparation completes one that was interrupted.
 * @throws when the folder cannot be made or the configuration cannot be read
 */
export async function prepareFolder(config: CuberiteConfig, session: FolderOptions): Promise<PreparedFolder> {
  const folder = join(session.workdir, 'cuberite');
  try {
    const links = await copyFiles(config, folder);
    await keepEarlierLog(folder, session.workdir);
    const available = await availablePlugins(config);
    const plugins = await wantedPlugins(config, available);
    const server = await setUpServer(folder, session, plugins, available);
    const world = await setUpWorld(config, session.workdir, folder, server.settings);
    await setUpWebAdmin(config, session.workdir, folder);
    return { folder, plugins, notices: [...links, ...server.notices, ...world] };
  } catch (cause) {
    throw new Error(`could not prepare Cuberite's folder ${folder}`, { cause });
  }
}

/** @returns a notice for every link that leads nowhere */
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

/** The existing ones that the configuration enables, the ones configured for the session, and the supervisor's own. */
async function wantedPlugins(config: CuberiteConfig, available: readonly string[]): Promise<string[]> {
  const settings = await readConfiguredIni(config, 'settings.ini');
  const own = enabledPlugins(settings).filter(name => available.includes(name));
  return [...new Set([...withConsole([...new Set([...own, ...config.plugins])]), WORLD_PLUGIN])];
}

async function setUpServer(
  folder: string,
  { workdir, port, world }: FolderOptions,
  plugins: readonly string[],
  available: readonly string[],
): Promise<{ settings: Ini; notices: string[] }> {
  const writePlugin = (name: string, lua: string) =>
    write(workdir, join(folder, 'Plugins', name, `${name}.lua`), Buffer.from(lua));
  if (plugins.includes(CONSOLE_PLUGIN)) await writePlugin(CONSOLE_PLUGIN, CONSOLE_LUA);
  await writePlugin(WORLD_PLUGIN, worldLua(world));
  const path = join(folder, 'settings.ini');
  const found = await readIni(path);
  const dropped = enabledPlugins(found).filter(name => !plugins.includes(name));
  const settings = enablePlugins(withGoodbye(setValue(found, 'Server', 'Ports', String(port))), plugins);
  await write(workdir, path, serialiseIni(settings));
  const told = dropped.filter(name => available.includes(name) || !isDefault(name));
  return { settings, notices: told.map(name => whyDropped(name, available.includes(name))) };
}

/** Enabled in the settings that Cuberite itself makes (its src/Bindings/PluginManager.cpp): nobody has asked for them. */
function isDefault(plugin: string): boolean {
  return plugin === 'Core' || plugin === 'ChatLog';
}

/** What players read when a stop disconnects them, unless the configuration has a message of its own. */
function withGoodbye(settings: Ini): Ini {
  const configured = valueIn(settings, 'Server', SHUTDOWN_MESSAGE) || CUBERITES_MESSAGE;
  return configured === CUBERITES_MESSAGE
    ? setValue(settings, 'Server', SHUTDOWN_MESSAGE, 'This session is over. Goodbye, and thank you!')
    : settings;
}

const SHUTDOWN_MESSAGE = 'ShutdownMessage';
/** Cuberite's default, which it writes into a file that has none. */
const CUBERITES_MESSAGE = 'Server shutdown';

function whyDropped(name: string, exists: boolean): string {
  return exists
    ? `settings.ini enabled the plug-in "${name}", which is not asked for any more: its line was dropped.`
    : `settings.ini names the plug-in "${name}", which does not exist: its line was dropped.`;
}

/** Sets seed and mode of the default world, whose folder `[Worlds]` and `[WorldPaths]` name. */
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
  await write(workdir, path, serialiseIni(world));

  const seed = valueIn(found, 'Seed', 'Seed');
  const notices = [];
  if (
    seed !== undefined &&
    seed !== config.seed &&
    (await unlessMissing(stat(join(worldFolder, 'region'))))
  ) {
    notices.push(
      `The kept world was made with the seed ${seed}: what is new in it comes from ${config.seed}.`,
    );
  }
  if (relative(workdir, worldFolder).split('/')[0] === '..') {
    notices.push(`The world's folder ${worldFolder} is outside the working directory: it is not archived.`);
  }
  return notices;
}

/** Off, or as the configuration folder has it; Cuberite enables WebAdmin where there is no such file. */
async function setUpWebAdmin(config: CuberiteConfig, workdir: string, folder: string): Promise<void> {
  const path = join(folder, 'webadmin.ini');
  const configured = valueIn(await readConfiguredIni(config, 'webadmin.ini'), 'WebAdmin', 'Enabled');
  const found = await readIni(path);
  if (config.webAdmin && found.lines.length === 0) return;
  const enabled = config.webAdmin ? (configured ?? '1') : '0';
  await write(workdir, path, serialiseIni(setValue(found, 'WebAdmin', 'Enabled', enabled)));
}

/** A file of the configuration folder, where it may be a link; empty where there is none. */
async function readConfiguredIni({ configFolder }: CuberiteConfig, name: string): Promise<Ini> {
  return parseIni((await unlessMissing(readFile(join(configFolder, name)))) ?? NOTHING);
}

/** A file of the server's folder, where an earlier session's processes may have written; empty where there is none. */
async function readIni(path: string): Promise<Ini> {
  return parseIni((await unlessMissing(readRegularFile(path))) ?? NOTHING);
}

const NOTHING = Buffer.alloc(0);

/** Where no link below the working directory leads, unless it is the supervisor's own. */
async function write(workdir: string, path: string, content: Buffer): Promise<void> {
  await rejectForeignLinks(workdir, dirname(path));
  await mkdir(dirname(path), { recursive: true });
  writeAtomicallySync(path, content);
}
