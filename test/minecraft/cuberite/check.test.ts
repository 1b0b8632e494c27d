import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkCuberite } from '../../../src/minecraft/cuberite/check.ts';
import { type CuberiteHome, makeCuberiteHome, writePlugin } from '../../support/cuberite-home.ts';

let home: CuberiteHome;

beforeEach(async () => {
  home = await makeCuberiteHome();
});

afterEach(() => home.remove());

test('a complete home has no fault', async () => {
  expect(await checkCuberite(home.config)).toEqual([]);
});

test('a missing home is the one fault that is told', async () => {
  const gone = join(home.folder, 'gone');
  expect(await checkCuberite({ ...home.config, home: gone, configFolder: join(gone, 'flat') })).toEqual([
    `SESSION_CUBERITE_HOME "${gone}" is not a folder: name the one that holds cuberite_config ` +
      'and cuberite_plugins, or set SESSION_SERVER_COMMAND to run another server.',
  ]);
});

test('where no checkout is, both of its places are named', async () => {
  const gone = '/droidlet/gone';
  expect(await checkCuberite({ ...home.config, home: gone, configFolder: join(gone, 'flat') })).toEqual([
    expect.stringMatching(
      /^SESSION_CUBERITE_HOME "\/droidlet\/gone" is not a folder, and there is no checkout in \/droidlet or \/fairo: /,
    ),
  ]);
});

test('every other fault is told at once', async () => {
  await rm(home.config.binary);
  const faults = await checkCuberite({
    ...home.config,
    configFolder: join(home.folder, 'cuberite_config/hills'),
    plugins: ['debug', 'ChatLog', 'Core'],
  });
  expect(faults).toEqual([
    `SESSION_CUBERITE_BINARY "${home.config.binary}" is not a file: name Cuberite's program.`,
    `SESSION_CUBERITE_CONFIG "${home.folder}/cuberite_config/hills" is not a folder: use one of flat_world, or a path.`,
    'SESSION_CUBERITE_PLUGINS names ChatLog, Core, which do not exist: choose from chatlog, debug, logging, ' +
      'point_blocks, shutdown_if_no_player_join, shutdown_on_leave.',
  ]);
});

test('a folder is no program', async () => {
  await rm(home.config.binary);
  await mkdir(home.config.binary);
  expect(await checkCuberite(home.config)).toEqual([expect.stringContaining('is not a file')]);
});

test('a program that may not be executed is told with its remedy', async () => {
  await chmod(home.config.binary, 0o644);
  const [fault] = await checkCuberite(home.config);
  expect(fault).toMatch(/^SESSION_CUBERITE_BINARY ".+" may not be executed \(EACCES.+\): chmod \+x it\.$/);
});

test('a folder without settings is no configuration', async () => {
  const configFolder = join(home.folder, 'cuberite_config');
  expect(await checkCuberite({ ...home.config, configFolder })).toEqual([
    `SESSION_CUBERITE_CONFIG "${configFolder}" holds no settings.ini: use one of flat_world, or a path.`,
  ]);
});

test("a plug-in may be the configuration's own; a folder without a Lua file is none", async () => {
  await writePlugin(join(home.config.configFolder, 'Plugins/greeter'), 'greeter');
  await mkdir(join(home.folder, 'cuberite_plugins/lib'));
  const faults = await checkCuberite({ ...home.config, plugins: ['greeter', 'lib'] });
  expect(faults).toEqual([expect.stringMatching(/names lib, which does not exist: choose from .*greeter/)]);
});
