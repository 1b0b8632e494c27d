import { join } from 'node:path';
import type { CuberiteConfig } from '../../config/session-config.ts';
import { namesIn } from './copy-tree.ts';
import { addEntry, type Entry, entriesIn, type Ini, removeEntries, same } from './ini.ts';

/*
 * Cuberite writes an enabled plug-in as `Plugin=name` (the only spelling that builds before March 2020 read) or as
 * `name=1` (into which later builds turn the first, taking names that differ in case for one). The name is that of a
 * folder in `Plugins`, in its exact case.
 */

/** Every plug-in that a session can enable: out of the home and out of the configuration's own, by name. */
export async function availablePlugins(config: CuberiteConfig): Promise<string[]> {
  const common = await pluginsIn(join(config.home, 'cuberite_plugins'));
  return [...new Set([...common, ...(await configurationPlugins(config))])].sort();
}

/** The plug-ins that the configuration folder brings along: these win over the home's. */
export function configurationPlugins(config: CuberiteConfig): Promise<string[]> {
  return pluginsIn(join(config.configFolder, 'Plugins'));
}

/** The plug-ins that the settings enable, in the order of their lines. */
export function enabledPlugins(settings: Ini): string[] {
  return [...new Set(entriesIn(settings, 'Plugins').flatMap(entry => enabledBy(entry) ?? []))];
}

/** Makes the settings enable these plug-ins and no others; lines that do so already stay as they are. */
export function enablePlugins(settings: Ini, wanted: readonly string[]): Ini {
  const seen = new Set<string>();
  const kept = removeEntries(settings, 'Plugins', entry => {
    const name = enabledBy(entry);
    // `ChatLog=0` would swallow `Plugin=chatlog`: a line under a wanted name must be its own.
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

/** A plug-in is a folder with a Lua file in it. */
async function pluginsIn(folder: string): Promise<string[]> {
  const names = await namesIn(folder);
  const files = await Promise.all(names.map(name => namesIn(join(folder, name))));
  return names.filter((_, index) => files[index]?.some(file => file.endsWith('.lua')));
}
