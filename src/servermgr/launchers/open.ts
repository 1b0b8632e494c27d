import type { ServermgrConfig } from '../../config/servermgr-config.ts';
import type { Environment } from '../../config/session-config.ts';
import type { Log } from '../../runtime/log.ts';
import type { Launcher } from './launcher.ts';

/** Opens the launcher that the configuration names, and loads only the SDKs that this one needs. */
export async function openLauncher(
  { launcher, agents, name, proxy, session, stateFolder }: ServermgrConfig,
  { env, log }: { readonly env: Environment; readonly log: Log },
): Promise<Launcher> {
  switch (launcher.kind) {
    case 'local': {
      const { openLocal } = await import('./local/local.ts');
      return openLocal(launcher, { name, stateFolder, env, log });
    }
    case 'docker': {
      const { default: Docker } = await import('dockerode');
      const { openDocker } = await import('./docker/docker.ts');
      // dockerode reads DOCKER_HOST and the other variables of Docker by itself.
      return openDocker(launcher, { docker: new Docker(), name, destination: session.destination, env });
    }
    case 'ecs': {
      const [{ createClients }, { openEcs }, { createAddressLookup }] = await Promise.all([
        import('./ecs/clients.ts'),
        import('./ecs/ecs.ts'),
        import('./ecs/addresses.ts'),
      ]);
      const { ecs, ec2 } = createClients(proxy);
      const images = agents.flatMap(({ image }) => image ?? []);
      return openEcs(launcher, { ecs, findAddresses: createAddressLookup(ec2), name, images });
    }
    default:
      return launcher satisfies never;
  }
}
