import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Client, createClient } from 'minecraft-protocol';
import nbt from 'prismarine-nbt';
import { unlessMissing } from '../../../src/files/errno.ts';
import { BUILT_BLOCK, BUILT_FROM_Y, builderLua, SIDE } from './builder-plugin.ts';
import { readRegion } from './region.ts';
import { type BuildingSite, parsePlaced } from './site.ts';

const SECTION = 16;

interface Section {
  readonly Y: number;
  readonly Blocks: readonly number[];
}

/** The server of a home, with one plug-in: the builder. @param home a SESSION_CUBERITE_HOME */
export async function openCuberiteSite(home: string, blockEveryMs: number): Promise<BuildingSite> {
  const folder = await mkdtemp(join(tmpdir(), 'cuberite-site-'));
  const placedFile = join(folder, 'placed');
  const plugin = join(folder, 'cuberite_plugins/builder');
  await mkdir(plugin, { recursive: true });
  await writeFile(join(plugin, 'builder.lua'), builderLua(placedFile, blockEveryMs));
  for (const name of ['cuberite', 'cuberite_config']) await symlink(resolve(home, name), join(folder, name));
  const players: Client[] = [];
  return {
    server: 'a real Cuberite',
    environment: { SESSION_CUBERITE_HOME: folder, SESSION_CUBERITE_PLUGINS: 'builder' },
    async join(port) {
      const player = createClient({ host: '127.0.0.1', port, username: 'Builder', auth: 'offline' });
      players.push(player);
      await once(player, 'login');
      // The server is killed under it.
      player.on('error', () => undefined);
    },
    placed: async () => parsePlaced((await unlessMissing(readFile(placedFile, 'utf8'))) ?? ''),
    read: region => readRegion(region, readChunk),
    async [Symbol.asyncDispose]() {
      for (const player of players) player.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Reads a chunk as the server writes it: src/WorldStorage/NBTChunkSerializer.cpp. */
function readChunk(data: Buffer): number[] {
  const { Level } = nbt.simplify(nbt.parseUncompressed(data, 'big')) as {
    readonly Level: { readonly xPos: number; readonly zPos: number; readonly Sections: readonly Section[] };
  };
  return Level.Sections.flatMap(({ Y, Blocks }) =>
    Blocks.flatMap((type, index) => {
      const y = Y * SECTION + Math.trunc(index / (SECTION * SECTION)) - BUILT_FROM_Y;
      const z = Level.zPos * SECTION + (Math.trunc(index / SECTION) % SECTION);
      const x = Level.xPos * SECTION + (index % SECTION);
      return type === BUILT_BLOCK && y >= 0 ? [x + SIDE * (z + SIDE * y)] : [];
    }),
  );
}
