import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unlessMissing } from '../../../src/files/errno.ts';
import { makeCuberiteHome } from '../cuberite-home.ts';
import { readRegion } from './region.ts';
import { type BuildingSite, parsePlaced } from './site.ts';

/** The stand-in builds by itself while somebody is in the game. */
export async function openStandInSite(blockEveryMs: number): Promise<BuildingSite> {
  const home = await makeCuberiteHome({ blockEveryMs });
  const truth = join(home.folder, 'crowd.blocks');
  return {
    server: "Cuberite's stand-in",
    environment: { SESSION_CUBERITE_HOME: home.folder },
    join: () => home.join('Builder'),
    placed: async () => parsePlaced((await unlessMissing(readFile(truth, 'utf8'))) ?? ''),
    read: region => readRegion(region, readChunk),
    [Symbol.asyncDispose]: () => home.remove(),
  };
}

/** @throws when the chunk does not prove itself */
function readChunk(data: Buffer): number[] {
  const text = data.toString();
  const isWhole = createHash('sha256').update(text.slice(64)).digest('hex') === text.slice(0, 64);
  if (!isWhole) throw new Error('the chunk is not what was saved');
  const { blocks } = JSON.parse(text.slice(64)) as { readonly blocks: readonly [number, number][] };
  return blocks.map(([number]) => number);
}
