import { resolve } from 'node:path';
import type { DemoGame } from '../config/servermgr-config.ts';

const PROGRAMS = resolve(import.meta.dirname, '../../scripts/demo');

/** How long the demo's agent digs: longer than any session lasts. */
const DEMO_SECONDS = 4 * 3_600;

/**
 * The demo's game, a real server and a real bot, as a session's settings.
 * @returns undefined where its packages are not installed: they belong to development alone.
 */
export function demoGame(): DemoGame | undefined {
  if (!['flying-squid', 'mineflayer'].every(isInstalled)) return undefined;
  // `{port}` is filled in by the launcher.
  const program = (name: string, ...args: string[]) =>
    JSON.stringify([process.execPath, resolve(PROGRAMS, name), '--port', '{port}', ...args]);
  return {
    env: {
      SESSION_SERVER_COMMAND: program('server.ts'),
      SESSION_AGENT_COMMAND: program('agent.ts', '--seconds', String(DEMO_SECONDS)),
    },
    world: {
      id: 'demo',
      title: 'Flat grassland',
      text: 'Endless grass to build on, in creative mode. The agent digs a ditch as it walks, and says so: it takes no orders. For Minecraft 1.16.5.',
      env: {},
    },
  };
}

function isInstalled(name: string): boolean {
  try {
    return Boolean(import.meta.resolve(name));
  } catch {
    return false;
  }
}
