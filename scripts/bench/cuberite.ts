/**
 * Prints how long it takes to prepare Cuberite's folder, new and kept, and to start the server's program: medians. Then
 * what it costs to save the world every ten seconds: `--seconds 60` for each of two runs.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { CuberiteConfig } from '../../src/config/session-config.ts';
import { checkCuberite } from '../../src/minecraft/cuberite/check.ts';
import { cuberiteCommand } from '../../src/minecraft/cuberite/command.ts';
import { prepareFolder } from '../../src/minecraft/cuberite/prepare.ts';
import { median } from './median.ts';
import { reportWorld } from './world.ts';

const ROUNDS = 15;
const FOLDERS = 50;
const FILES = 20;
const FILE_BYTES = 5_000;
const BINARY_BYTES = 30_000_000;

const root = await mkdtemp(join(tmpdir(), 'bench-prepare-'));
try {
  await report(await makeHome());
} finally {
  await rm(root, { recursive: true });
}
const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } });
await reportWorld(Number(values.seconds));

async function report(config: CuberiteConfig): Promise<void> {
  const times: Record<string, number[]> = {
    check: [],
    'new folder': [],
    'kept folder': [],
    command: [],
    spawn: [],
  };
  const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const startMs = performance.now();
    const result = await work();
    times[what]?.push(performance.now() - startMs);
    return result;
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    const workdir = join(root, `session-${round}`);
    const session = { workdir, port: 25565, world: { saveIntervalMs: 10_000, beatFile: undefined } };
    await mkdir(workdir);
    await timed('check', () => checkCuberite(config));
    const { folder } = await timed('new folder', () => prepareFolder(config, session));
    await timed('kept folder', () => prepareFolder(config, session));
    const { command } = await timed('command', () => cuberiteCommand(config, folder, '/usr/bin:/bin'));
    const child = await timed('spawn', async () => {
      const started = spawn(command[0], command.slice(1), { cwd: folder, stdio: 'ignore' });
      await once(started, 'spawn');
      return started;
    });
    await once(child, 'exit');
  }
  const files = FOLDERS * FILES;
  console.log(
    `${files} files, ${(files * FILE_BYTES) / 1e6} MB; a program of ${BINARY_BYTES / 1e6} MB; ${ROUNDS} rounds`,
  );
  for (const [what, ms] of Object.entries(times))
    console.log(`${what.padEnd(12)} ${median(ms).toFixed(1)} ms, at best ${Math.min(...ms).toFixed(1)} ms`);
}

async function makeHome(): Promise<CuberiteConfig> {
  const configFolder = join(root, 'cuberite_config/flat_world');
  const binary = join(root, 'Cuberite');
  await mkdir(join(configFolder, 'world'), { recursive: true });
  await writeFile(
    join(configFolder, 'settings.ini'),
    '[Server]\r\nPorts=25565\r\n\r\n[Plugins]\r\nPlugin=Core\r\n',
  );
  await writeFile(join(configFolder, 'world/world.ini'), '[Seed]\nSeed=1\n');
  const plugins = Array.from({ length: FOLDERS }, (_, index) => `plugin${index}`);
  for (const name of plugins) {
    const folder = join(root, 'cuberite_plugins', name);
    await mkdir(folder, { recursive: true });
    for (let file = 0; file < FILES; file += 1)
      await writeFile(join(folder, `${file}.lua`), Buffer.alloc(FILE_BYTES, 45));
  }
  await writeFile(
    binary,
    Buffer.concat([Buffer.from('#!/bin/sh\nexit 0\n'), Buffer.alloc(BINARY_BYTES, 35)]),
    {
      mode: 0o755,
    },
  );
  return {
    kind: 'cuberite',
    home: root,
    binary,
    configFolder,
    mode: 'creative',
    seed: '0',
    plugins,
    webAdmin: false,
  };
}
