import type { ManagerConfig } from '../config/config.ts';
import type { Launcher } from './launcher.ts';

/** Opens the launcher that the configuration names; SDKs are loaded only where they serve. */
export async function openLauncher(config: ManagerConfig): Promise<Launcher> {
  const { launcher, name, session, stateFolder } = config;
  switch (launcher.kind) {
    case 'local': {
      const { openLocal } = await import('./local.ts');
      return openLocal(launcher, { name, stateFolder, env: process.env });
    }
    case 'docker': {
      const { openDocker } = await import('./docker.ts');
      return openDocker(launcher, { name, destination: session.destination, env: process.env });
    }
    case 'ecs': {
      const { openEcs } = await import('./ecs.ts');
      return openEcs(launcher, { name });
    }
    default:
      return launcher satisfies never;
  }
}
