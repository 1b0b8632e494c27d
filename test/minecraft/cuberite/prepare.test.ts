import {
  appendFile,
  chmod,
  lchown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type PreparedFolder, prepareFolder } from '../../../src/minecraft/cuberite/prepare.ts';
import { type CuberiteHome, makeCuberiteHome, writePlugin } from '../../support/cuberite-home.ts';

const WORLD = { saveIntervalMs: 10_000, beatFile: '/nowhere/beat' };

let home: CuberiteHome;
let workdir: string;

beforeEach(async () => {
  home = await makeCuberiteHome();
  workdir = await mkdtemp(join(tmpdir(), 'prepare-'));
});

afterEach(async () => {
  await home.remove();
  await rm(workdir, { recursive: true });
});

describe('a new folder', () => {
  test('is a copy of the configuration, with the plug-ins in it', async () => {
    const { folder } = await prepare();
    expect(folder).toBe(join(workdir, 'cuberite'));
    expect((await readdir(folder)).sort()).toEqual([
      'Plugins',
      'brewing.txt',
      'crafting.txt',
      'furnace.txt',
      'items.ini',
      'settings.ini',
      'webadmin.ini',
      'world',
    ]);
    expect(await readFile(join(folder, 'items.ini'))).toEqual(
      await readFile(join(home.config.configFolder, 'items.ini')),
    );
    expect((await readdir(join(folder, 'Plugins'))).sort()).toEqual([
      'chatlog',
      'debug',
      'logging',
      'point_blocks',
      'session_console',
      'session_world',
      'shutdown_if_no_player_join',
      'shutdown_on_leave',
    ]);
  });

  test('has its port and plug-ins set, and the rest of its settings as they were', async () => {
    await prepare();
    const original = await readFile(join(home.config.configFolder, 'settings.ini'), 'utf8');
    expect(await settings()).toBe(
      original
        .replace('Ports=25565', 'Ports=4711')
        .replace('=Server shutdown', '=This session is over. Goodbye, and thank you!')
        .replace(
          'Plugin=Core\r\nPlugin=ChatLog\r\n',
          'Plugin=debug\r\nPlugin=chatlog\r\nPlugin=point_blocks\r\nPlugin=logging\r\nPlugin=session_console\r\nPlugin=session_world\r\n',
        ),
    );
  });

  test.each([
    ['creative', '1'],
    ['survival', '0'],
  ] as const)('has the seed, and the mode %s, in its world', async (mode, gameMode) => {
    await prepare({ mode, seed: '-42' });
    const original = await readFile(join(home.config.configFolder, 'world/world.ini'), 'utf8');
    expect(await read('world/world.ini')).toBe(
      original.replace('Weather=0\n', `Weather=0\nGameMode=${gameMode}\n`).replace('=2119875110', '=-42'),
    );
  });

  test('has the world where the settings say that it is', async () => {
    await editConfiguration(text =>
      text.replace('DefaultWorld=world', 'DefaultWorld=home').replace('world=world', 'home=worlds/first'),
    );
    await prepare({ seed: '7' });
    expect(await read('worlds/first/world.ini')).toBe('[General]\nGameMode=1\n\n[Seed]\nSeed=7\n');
  });

  test('tells that a world outside of the working directory is not archived', async () => {
    const outside = join(home.folder, 'world');
    await editConfiguration(text => text.replace('world=world', `world=${outside}`));
    const { notices } = await prepare();
    expect(await readdir(outside)).toEqual(['world.ini']);
    expect(notices.join()).toContain('is outside the working directory: it is not archived.');
  });

  test('listens on one port, whatever number of ports its configuration had', async () => {
    await editConfiguration(text => text.replace('Ports=25565', 'Ports=1\r\nPORTS=2\r\nPorts=3'));
    await prepare();
    expect((await settings()).match(/ports=.*/gi)).toEqual(['Ports=4711']);
  });

  test('says goodbye to players, or what its configuration says to them', async () => {
    await editConfiguration(text => text.replace('=Server shutdown', '=Bye'));
    await prepare();
    expect(await settings()).toContain('ShutdownMessage=Bye\r\n');
  });

  test('opens no WebAdmin', async () => {
    await prepare();
    expect(await read('webadmin.ini')).toBe('[WebAdmin]\nEnabled=0\n');
  });

  test('can be written by the server, even out of a read-only image', async () => {
    const template = join(home.config.configFolder, 'world/region.mca');
    await writeFile(template, Buffer.alloc(1_100_000, 'chunk'));
    for (const path of [template, join(home.config.configFolder, 'items.ini')]) await chmod(path, 0o444);
    const { folder } = await prepare();
    expect((await stat(join(folder, 'items.ini'))).mode & 0o777).toBe(0o644);
    expect((await stat(join(folder, 'world/region.mca'))).mode & 0o777).toBe(0o644);
    expect(await readFile(join(folder, 'world/region.mca'))).toEqual(await readFile(template));
  });

  test('holds what links lead to, and tells of those that lead nowhere', async () => {
    const plugins = join(home.folder, 'cuberite_plugins');
    await mkdir(join(plugins, 'lib'));
    await writeFile(join(plugins, 'lib/struct.lua'), 'struct');
    await symlink('../lib/struct.lua', join(plugins, 'logging/struct.lua'));
    await symlink('../lib/gone.lua', join(plugins, 'logging/gone.lua'));
    const { folder, notices } = await prepare();
    const copy = join(folder, 'Plugins/logging/struct.lua');
    expect((await lstat(copy)).isSymbolicLink()).toBe(false);
    expect(await readFile(copy, 'utf8')).toBe('struct');
    expect(notices).toContain(
      `${plugins}/logging/gone.lua is a link that leads nowhere: it was left out of the server's folder.`,
    );
  });
});

describe('plug-ins', () => {
  test('that are leftovers of another home are dropped, each with a notice but for those of Cuberite itself', async () => {
    expect((await prepare()).notices).toEqual([]);
    expect(await pluginLines()).not.toContain('Plugin=Core');
    await editConfiguration(text => text.replace('Plugin=Core', 'Plugin=Core\r\nPlugin=greeter'));
    await rm(join(workdir, 'cuberite'), { recursive: true });
    expect((await prepare()).notices).toEqual([
      'settings.ini names the plug-in "greeter", which does not exist: its line was dropped.',
    ]);
  });

  test('that the configuration enables itself stay enabled, in either spelling', async () => {
    await editConfiguration(text =>
      text.replace(
        'Plugin=Core\r\nPlugin=ChatLog',
        'Plugin=shutdown_on_leave\r\ndebug=1\r\npoint_blocks=0\r\nCore=1',
      ),
    );
    const { plugins, notices } = await prepare({ plugins: ['logging', 'debug'] });
    expect(plugins).toEqual(['shutdown_on_leave', 'debug', 'logging', 'session_console', 'session_world']);
    expect(await pluginLines()).toEqual([
      'Plugin=shutdown_on_leave',
      'debug=1',
      'point_blocks=0',
      'Plugin=logging',
      'Plugin=session_console',
      'Plugin=session_world',
    ]);
    expect(notices).toEqual([]);
  });

  test('are not swallowed by a line that differs in case alone, even a disabled one', async () => {
    await editConfiguration(text => text.replace('Plugin=Core\r\nPlugin=ChatLog', 'ChatLog=0\r\nDebug=1'));
    await prepare({ plugins: ['chatlog', 'debug'] });
    expect(await pluginLines()).toEqual([
      'Plugin=chatlog',
      'Plugin=debug',
      'Plugin=session_console',
      'Plugin=session_world',
    ]);
  });

  test('are enabled by one line, however many did it', async () => {
    await editConfiguration(text =>
      text.replace('Plugin=Core\r\nPlugin=ChatLog', 'Plugin=debug\r\ndebug=1\r\nPlugin=debug'),
    );
    await prepare({ plugins: ['debug'] });
    expect(await pluginLines()).toEqual(['Plugin=debug', 'Plugin=session_console', 'Plugin=session_world']);
  });

  test("of the configuration's own win over the home's", async () => {
    const own = join(home.config.configFolder, 'Plugins');
    await writePlugin(join(own, 'debug'), 'own');
    await writePlugin(join(own, 'greeter'), 'greeter');
    const { folder, plugins } = await prepare({ plugins: ['debug', 'greeter'] });
    expect(plugins).toEqual(['debug', 'greeter', 'session_console', 'session_world']);
    expect(await readdir(join(folder, 'Plugins/debug'))).toEqual(['own.lua']);
    expect(await readdir(join(folder, 'Plugins/greeter'))).toEqual(['greeter.lua']);
  });

  test('with Core among them need no console of ours', async () => {
    await writePlugin(join(home.folder, 'cuberite_plugins/Core'), 'Core');
    const { folder, plugins } = await prepare();
    expect(plugins).toEqual(['Core', 'debug', 'chatlog', 'point_blocks', 'logging', 'session_world']);
    expect(await readdir(join(folder, 'Plugins'))).not.toContain('session_console');
  });
});

describe('a folder that is there already', () => {
  test('is not changed by a second preparation', async () => {
    await prepare();
    const before = await contents();
    const { notices } = await prepare();
    expect(await contents()).toEqual(before);
    expect(notices).toEqual([]);
  });

  test('keeps its world, its players and its other files', async () => {
    const { folder } = await prepare();
    await mkdir(join(folder, 'world/region'));
    await writeFile(join(folder, 'world/region/r.0.0.mca'), 'kept');
    await writeFile(join(folder, 'items.ini'), 'changed by the server');
    await writeFile(join(home.config.configFolder, 'items.ini'), 'newer');
    await mkdir(join(home.config.configFolder, 'world/region'));
    await writeFile(join(home.config.configFolder, 'world/region/r.0.0.mca'), 'template');
    await prepare();
    expect(await read('world/region/r.0.0.mca')).toBe('kept');
    expect(await read('items.ini')).toBe('changed by the server');
  });

  test('keeps the log of each earlier session, which the plug-in would cut', async () => {
    const { folder } = await prepare();
    for (const text of ['first', 'second', '']) {
      await writeFile(join(folder, 'logging.bin'), text);
      await prepare();
    }
    expect(await Promise.all(['logging.1.bin', 'logging.2.bin'].map(read))).toEqual(['first', 'second']);
    expect((await readdir(folder)).filter(name => name.startsWith('logging'))).toEqual([
      'logging.1.bin',
      'logging.2.bin',
      'logging.bin',
    ]);
  });

  test('gets the settings that are asked for now, and keeps those that are not asked about', async () => {
    await prepare({ plugins: ['debug', 'chatlog'] });
    const kept = (await settings())
      .replace('MaxPlayers=100', 'MaxPlayers=5')
      .replace(/Plugin=(\w+)/g, '$1=1');
    await writeFile(join(workdir, 'cuberite/settings.ini'), kept);
    const { notices } = await prepare({ plugins: ['debug', 'logging'], mode: 'survival' }, 4712);
    expect(await settings()).toBe(
      kept
        .replace('Ports=4711', 'Ports=4712')
        .replace(
          'chatlog=1\r\nsession_console=1\r\nsession_world=1',
          'session_console=1\r\nsession_world=1\r\nPlugin=logging',
        ),
    );
    expect(await read('world/world.ini')).toContain('GameMode=0');
    expect(notices).toEqual([
      'settings.ini enabled the plug-in "chatlog", which is not asked for any more: its line was dropped.',
    ]);
  });

  test("gets the plug-ins' files of today", async () => {
    const { folder } = await prepare();
    const lua = 'cuberite_plugins/debug/debug.lua';
    await writeFile(join(home.folder, lua), 'newer');
    await prepare();
    expect(await readFile(join(folder, 'Plugins/debug/debug.lua'), 'utf8')).toBe('newer');
  });

  test('tells that its world was made with another seed', async () => {
    const { folder } = await prepare({ seed: '1' });
    await mkdir(join(folder, 'world/region'));
    const { notices } = await prepare({ seed: '2' });
    expect(notices).toEqual(['The kept world was made with the seed 1: what is new in it comes from 2.']);
    expect(await read('world/world.ini')).toContain('Seed=2\n');
  });

  test('gets what an earlier preparation did not come to', async () => {
    const { folder } = await prepare();
    const before = await contents();
    await rm(join(folder, 'Plugins'), { recursive: true });
    await rm(join(folder, 'crafting.txt'));
    await rm(join(folder, 'world'), { recursive: true });
    await writeFile(join(folder, 'crafting.txt.part'), 'cut o');
    await prepare();
    expect(await contents()).toEqual(before);
  });

  test('opens its WebAdmin when that is wanted, as the configuration has it', async () => {
    await prepare();
    await appendFile(join(workdir, 'cuberite/webadmin.ini'), 'Ports=8081\n');
    await prepare({ webAdmin: true });
    expect(await read('webadmin.ini')).toBe('[WebAdmin]\nEnabled=1\nPorts=8081\n');
    await writeFile(join(home.config.configFolder, 'webadmin.ini'), '[WebAdmin]\nEnabled=0\n');
    await prepare({ webAdmin: true });
    expect(await read('webadmin.ini')).toBe('[WebAdmin]\nEnabled=0\nPorts=8081\n');
  });
});

test('what cannot be prepared is told with its cause', async () => {
  await writeFile(join(workdir, 'cuberite'), 'a file');
  const failed = await prepare().catch((error: unknown) => error);
  expect(failed).toMatchObject({
    message: `could not prepare Cuberite's folder ${workdir}/cuberite`,
    cause: { code: 'EEXIST' },
  });
});

function prepare(changes: Partial<CuberiteHome['config']> = {}, port = 4711): Promise<PreparedFolder> {
  return prepareFolder({ ...home.config, ...changes }, { workdir, port, world: WORLD });
}

function read(name: string): Promise<string> {
  return readFile(join(workdir, 'cuberite', name), 'utf8');
}

function settings(): Promise<string> {
  return read('settings.ini');
}

async function pluginLines(): Promise<string[]> {
  const [, section = ''] = /\[Plugins\]\r\n(.*?)\r\n\r\n/s.exec(await settings()) ?? [];
  return section.split('\r\n');
}

async function editConfiguration(change: (text: string) => string): Promise<void> {
  const path = join(home.config.configFolder, 'settings.ini');
  await writeFile(path, change(await readFile(path, 'utf8')));
}

/** Every file of the folder, by name. */
async function contents(): Promise<Record<string, string>> {
  const entries = await readdir(join(workdir, 'cuberite'), { recursive: true, withFileTypes: true });
  const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    await Promise.all(files.sort().map(async path => [path, await readFile(path, 'latin1')])),
  );
}

describe.runIf(process.getuid?.() === 0)('a link that another user has made', () => {
  for (const name of ['', 'Plugins', 'Plugins/logging', 'Plugins/session_console', 'world'])
    test(`is not followed in place of cuberite/${name}`, async () => {
      const link = join(workdir, 'cuberite', name);
      const elsewhere = join(workdir, 'elsewhere');
      await mkdir(elsewhere);
      await mkdir(join(link, '..'), { recursive: true });
      await symlink(elsewhere, link);
      await lchown(link, 4711, 4711);
      await expect(prepare()).rejects.toMatchObject({ cause: { name: 'ForeignLinkError' } });
      expect(await readdir(elsewhere)).toEqual([]);
      await lchown(link, 0, 0);
      await prepare();
      expect(await readdir(elsewhere)).not.toEqual([]);
    });

  for (const name of ['settings.ini', 'settings.ini.part', 'webadmin.ini.part', 'world/world.ini.part'])
    test(`is replaced in place of cuberite/${name}`, async () => {
      const victim = join(workdir, 'victim');
      await writeFile(victim, 'of root alone', { mode: 0o600 });
      const link = join(workdir, 'cuberite', name);
      await mkdir(join(link, '..'), { recursive: true });
      await symlink(victim, link);
      await lchown(link, 4711, 4711);
      await prepare().catch(() => undefined);
      expect(await readFile(victim, 'utf8')).toBe('of root alone');
    });
});
