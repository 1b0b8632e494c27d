import { join } from 'node:path';
import type { CuberiteConfig } from '../../config/session-config.ts';
import { namesIn } from './copy-tree.ts';
import { addEntry, type Entry, entriesIn, type Ini, removeEntries, same } from './ini.ts';

/*
 * A plug-in is enabled by a line `Plugin=name` (the only form that builds before March 2020 read) or `name=1` (to which
 * later builds convert the first, treating names that differ only in case as one). The name is that of a folder in
 * `Plugins`, in its exact case.
 */

/** The names of all plug-ins that a session can enable: those of SESSION_CUBERITE_HOME and the configuration's own. */
export async function availablePlugins(config: CuberiteConfig): Promise<string[]> {
  const common = await pluginsIn(join(config.home, 'cuberite_plugins'));
  return [...new Set([...common, ...(await configurationPlugins(config))])].sort();
}

/** The names of the plug-ins in the configuration folder, which take precedence over the home's of the same name. */
export function configurationPlugins(config: CuberiteConfig): Promise<string[]> {
  return pluginsIn(join(config.configFolder, 'Plugins'));
}

/** The plug-ins that the settings enable, in the order of their lines. */
export function enabledPlugins(settings: Ini): string[] {
  return [...new Set(entriesIn(settings, 'Plugins').flatMap(entry => enabledBy(entry) ?? []))];
}

/** The settings with exactly these plug-ins enabled; lines that enable one of them already stay as they are. */
export function enablePlugins(settings: Ini, wanted: readonly string[]): Ini {
  const seen = new Set<string>();
  const kept = removeEntries(settings, 'Plugins', entry => {
    const name = enabledBy(entry);
    // `ChatLog=0` would override `Plugin=chatlog`: a key that equals a wanted name but for case must go.
    if (name === undefined) return wanted.some(other => same(other, entry.key));
    if (!wanted.includes(name) || seen.has(name)) return true;
    seen.add(name);
    return false;
  });
  return wanted
    .filter(name => !seen.has(name))
    .reduce((ini, name) => addEntry(ini, 'Plugins', 'Plugin', name), kept);
}

function enabledBy(entry: Entry): string | undefined {
  const { key, value } = entry;
  if (key === 'Plugin' && value !== '' && value !== '0' && value !== '1') return value;
  return value === '1' ? key : undefined;
}

/** A plug-in is a folder with a Lua file. */
async function pluginsIn(folder: string): Promise<string[]> {
  const names = await namesIn(folder);
  const files = await Promise.all(names.map(name => namesIn(join(folder, name))));
  return names.filter((_, index) => files[index]?.some(file => file.endsWith('.lua')));
}
