import { appendFile, chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CuberiteConfig } from '../../src/config/session-config.ts';
import { PROGRAMS } from './built.ts';
import { STAND_IN_VARIABLE, type StandInOptions } from './cuberite/options.ts';

/** A SESSION_CUBERITE_HOME in a temporary folder, with a stand-in for the server's program. */
export interface CuberiteHome {
  readonly folder: string;
  /** What the configuration would say of this home. */
  readonly config: CuberiteConfig;
  join(name: string): Promise<void>;
  leave(name: string): Promise<void>;
  chat(name: string, text: string): Promise<void>;
  /** The world's thread stands still from now on. */
  hangWorld(): Promise<void>;
  remove(): Promise<void>;
}

const PLUGINS = [
  'debug',
  'chatlog',
  'point_blocks',
  'logging',
  'shutdown_on_leave',
  'shutdown_if_no_player_join',
];

/** Makes a home, or another one in its place; the new build, started in 100 ms, unless told otherwise. */
export async function makeCuberiteHome(
  options: Partial<Omit<StandInOptions, 'crowdFile'>> = {},
  earlier?: string,
): Promise<CuberiteHome> {
  const folder = earlier ?? (await mkdtemp(join(tmpdir(), 'cuberite-home-')));
  const crowdFile = join(folder, 'crowd');
  const binary = join(folder, 'cuberite/Server/Cuberite');
  await mkdir(join(folder, 'cuberite/Server'), { recursive: true });
  const defaults = { build: 'new', startMs: 100, patienceMs: 900_000, fragileMs: 25 } as const;
  await writeProgram(binary, { ...defaults, ...options, crowdFile });
  await cp(fixture('cuberite_config'), join(folder, 'cuberite_config'), { recursive: true });
  for (const name of PLUGINS) await writePlugin(join(folder, 'cuberite_plugins', name), name);
  const act = (line: string) => appendFile(crowdFile, `${line}\n`);
  return {
    folder,
    config: {
      kind: 'cuberite',
      home: folder,
      binary,
      configFolder: join(folder, 'cuberite_config/flat_world'),
      mode: 'creative',
      seed: '0',
      plugins: ['debug', 'chatlog', 'point_blocks', 'logging'],
      webAdmin: false,
    },
    join: name => act(`join ${name}`),
    leave: name => act(`leave ${name}`),
    chat: (name, text) => act(`chat ${name} ${text}`),
    hangWorld: () => act('hang World'),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A plug-in's folder with a Lua file in it. */
export async function writePlugin(folder: string, name: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, `${name}.lua`),
    `function Initialize(Plugin)\n    return true\nend -- ${name}\n`,
  );
}

/** As in the real program, the name of a flag that it knows is among its bytes. */
async function writeProgram(path: string, options: StandInOptions): Promise<void> {
  const program = join(PROGRAMS, 'cuberite.mjs');
  const script = [
    '#!/bin/sh',
    options.build === 'new' ? '# takes --no-output-buffering' : '# takes no flags',
    `export ${STAND_IN_VARIABLE}=${quoted(JSON.stringify(options))}`,
    `exec ${quoted(process.execPath)} ${quoted(program)} "$@"`,
  ];
  await writeFile(path, `${script.join('\n')}\n`);
  await chmod(path, 0o755);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}
