import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { type IniFile, isSame, readIniFile, section, valueSet, writeIniFile } from './ini.ts';
import type { Build } from './options.ts';

export interface Settings {
  readonly ports: readonly number[];
  /** The folders of the plug-ins that are loaded; a name that is no folder's is none. */
  readonly plugins: readonly string[];
  readonly missingPlugins: readonly string[];
  readonly worldFolder: string;
  readonly webAdminPorts: readonly number[];
}

/** Reads the INI files in the current folder, and writes them back as the server does when it starts. */
export function readSettings(build: Build): Settings {
  const ini = readIniFile('settings.ini');
  const named = pluginsToLoad(ini, build);
  const world = valueSet(ini, 'Worlds', 'DefaultWorld', 'world');
  const worldFolder = valueSet(ini, 'WorldPaths', world, world);
  // Of several `Ports` lines every one counts, in this case only.
  const ports = section(ini, 'Server').entries.filter(([key]) => key === 'Ports');
  writeIniFile('settings.ini', ini);
  settleWorld(worldFolder);
  return {
    ports: ports.length === 0 ? [25565] : ports.flatMap(([, value]) => value.split(/[;,]/).map(Number)),
    plugins: named.filter(isPlugin),
    missingPlugins: named.filter(name => !isPlugin(name)),
    worldFolder,
    webAdminPorts: settleWebAdmin(),
  };
}

/** What a clean stop does to the files: they are not what they were while playing. */
export function rewriteSettings(worldFolder: string): void {
  for (const file of ['settings.ini', `${worldFolder}/world.ini`]) {
    const ini = readIniFile(file);
    valueSet(ini, 'General', 'TimeInTicks', '4711');
    writeIniFile(file, ini);
  }
}

/** The old build knows `Plugin=name` alone; the new one turns it into `name=1`, first spelling wins. */
function pluginsToLoad(ini: IniFile, build: Build): string[] {
  const plugins = section(ini, 'Plugins');
  const isOldSpelling = ([key, value]: readonly [string, string]) =>
    key === 'Plugin' && !['', '0', '1'].includes(value);
  const spelledOld = plugins.entries.filter(isOldSpelling).map(([, value]) => value);
  if (build === 'old') return spelledOld;
  plugins.entries = plugins.entries.filter(entry => !isOldSpelling(entry));
  for (const name of spelledOld) {
    const entry = plugins.entries.find(([key]) => isSame(key, name));
    if (entry === undefined) plugins.entries.push([name, '1']);
    else entry[1] = '1';
  }
  return plugins.entries.filter(([, value]) => value === '1').map(([key]) => key);
}

function isPlugin(name: string): boolean {
  const folder = `Plugins/${name}`;
  return existsSync(folder) && readdirSync(folder).some(file => file.endsWith('.lua'));
}

function settleWorld(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const ini = readIniFile(`${folder}/world.ini`);
  valueSet(ini, 'General', 'GameMode', '0');
  valueSet(ini, 'General', 'Dimension', 'Overworld');
  valueSet(ini, 'Seed', 'Seed', String(Math.trunc(Math.random() * 2 ** 31)));
  valueSet(ini, 'SpawnPosition', 'MaxViewDistance', '10');
  writeIniFile(`${folder}/world.ini`, ini);
}

function settleWebAdmin(): number[] {
  const ini = readIniFile('webadmin.ini');
  const isEnabled = valueSet(ini, 'WebAdmin', 'Enabled', '1') !== '0';
  const ports = valueSet(ini, 'WebAdmin', 'Ports', '8080');
  writeIniFile('webadmin.ini', ini);
  return isEnabled ? ports.split(/[;,]/).map(Number) : [];
}
