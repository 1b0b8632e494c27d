import { openCuberiteSite } from './cuberite-site.ts';
import type { BuildingSite } from './site.ts';
import { openStandInSite } from './stand-in-site.ts';

/** The real server of SESSION_CUBERITE_HOME where that is given, and its stand-in otherwise. */
export function openBuildingSite(blockEveryMs: number): Promise<BuildingSite> {
  const home = process.env.SESSION_CUBERITE_HOME ?? '';
  return home === '' ? openStandInSite(blockEveryMs) : openCuberiteSite(home, blockEveryMs);
}
