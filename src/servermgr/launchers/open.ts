import type { ServermgrConfig } from '../../config/servermgr-config.ts';
import type { Launcher } from './launcher.ts';

/** AWS throttles whoever asks too often: the SDK tries so often, and waits longer each time. */
const AWS_TRIES = 6;

/** Opens the launcher that the configuration names; SDKs are loaded only where they serve. */
export async function openLauncher(
  { launcher, name, session, stateFolder }: ServermgrConfig,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Launcher> {
  switch (launcher.kind) {
    case 'local': {
      const { openLocal } = await import('./local/local.ts');
      return openLocal(launcher, { name, stateFolder, env });
    }
    case 'docker': {
      const { default: Docker } = await import('dockerode');
      const { openDocker } = await import('./docker/docker.ts');
      // It reads DOCKER_HOST and its like by itself.
      return openDocker(launcher, { docker: new Docker(), name, destination: session.destination, env });
    }
    case 'ecs': {
      const [{ ECSClient, EC2Client }, { openEcs }, { newAddressBook }] = await Promise.all([
        import('./ecs/clients.ts'),
        import('./ecs/ecs.ts'),
        import('./ecs/addresses.ts'),
      ]);
      const ecs = new ECSClient({ maxAttempts: AWS_TRIES });
      const findAddresses = newAddressBook(new EC2Client({ maxAttempts: AWS_TRIES }));
      return openEcs(launcher, { ecs, findAddresses, name });
    }
    default:
      return launcher satisfies never;
  }
}
