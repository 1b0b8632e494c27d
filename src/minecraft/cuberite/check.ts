import { access, constants, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CHECKOUT_ROOTS, USUAL_CHECKOUT } from '../../config/checkout.ts';
import type { CuberiteConfig } from '../../config/session-config.ts';
import { unlessMissing } from '../../files/errno.ts';
import { errorText } from '../../runtime/text.ts';
import { namesIn } from './copy-tree.ts';
import { availablePlugins } from './plugins.ts';

/**
 * Checks that Cuberite can be prepared and started as configured.
 * @returns one sentence with its remedy for each fault; empty when there is none
 */
export async function checkCuberite(config: CuberiteConfig): Promise<string[]> {
  if (!(await isFolder(config.home))) {
    const isDefault = config.home.startsWith(`${USUAL_CHECKOUT.root}/`);
    const nowhere = isDefault ? `, and there is no checkout in ${CHECKOUT_ROOTS.join(' or ')}` : '';
    return [
      `SESSION_CUBERITE_HOME "${config.home}" is not a folder${nowhere}: name the one that holds cuberite_config ` +
        'and cuberite_plugins, or set SESSION_SERVER_COMMAND to run another server.',
    ];
  }
  const faults = [await binaryFault(config), await configurationFault(config), await pluginFault(config)];
  return faults.filter(fault => fault !== undefined);
}

async function binaryFault({ binary }: CuberiteConfig): Promise<string | undefined> {
  if (!(await isFile(binary))) {
    return `SESSION_CUBERITE_BINARY "${binary}" is not a file: name Cuberite's program.`;
  }
  try {
    await access(binary, constants.X_OK);
    return undefined;
  } catch (error) {
    return `SESSION_CUBERITE_BINARY "${binary}" may not be executed (${errorText(error)}): chmod +x it.`;
  }
}

async function configurationFault({ home, configFolder }: CuberiteConfig): Promise<string | undefined> {
  if (await isFile(join(configFolder, 'settings.ini'))) return undefined;
  const all = join(home, 'cuberite_config');
  const names = await namesIn(all);
  const there = await Promise.all(names.map(name => isFile(join(all, name, 'settings.ini'))));
  const known = names.filter((_, index) => there[index]);
  const fault = (await isFolder(configFolder)) ? 'holds no settings.ini' : 'is not a folder';
  return `SESSION_CUBERITE_CONFIG "${configFolder}" ${fault}: use one of ${list(known)}, or a path.`;
}

async function pluginFault(config: CuberiteConfig): Promise<string | undefined> {
  const available = await availablePlugins(config);
  const missing = config.plugins.filter(name => !available.includes(name));
  if (missing.length === 0) return undefined;
  const verb = missing.length === 1 ? 'which does not exist' : 'which do not exist';
  return `SESSION_CUBERITE_PLUGINS names ${list(missing)}, ${verb}: choose from ${list(available)}.`;
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none (there are none)' : names.join(', ');
}

async function isFolder(path: string): Promise<boolean> {
  return (await unlessMissing(stat(path)))?.isDirectory() ?? false;
}

async function isFile(path: string): Promise<boolean> {
  return (await unlessMissing(stat(path)))?.isFile() ?? false;
}
