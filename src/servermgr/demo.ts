import { resolve } from 'node:path';
import type { World } from '../config/servermgr-config.ts';

const PROGRAMS = resolve(import.meta.dirname, '../../scripts/demo');

/** The agent of the demo digs for as long as there may be people. */
const DEMO_SECONDS = 4 * 3_600;

/** Whether the packages of the demo's game are installed: they belong to development alone. */
export function hasDemo(): boolean {
  return ['flying-squid', 'mineflayer'].every(name => {
    try {
      return Boolean(import.meta.resolve(name));
    } catch {
      // Not installed: Cuberite, or whatever SESSION_SERVER_COMMAND says, is played instead.
      return false;
    }
  });
}

/** What makes a session the demo's game: a real server and a real bot. `{port}` is filled in by the launcher. */
export function demoSession(): Record<string, string> {
  const program = (name: string, ...args: string[]) =>
    JSON.stringify([process.execPath, resolve(PROGRAMS, name), '--port', '{port}', ...args]);
  return {
    SESSION_SERVER_COMMAND: program('server.ts'),
    SESSION_AGENT_COMMAND: program('agent.ts', '--seconds', String(DEMO_SECONDS)),
  };
}

/** What can be chosen when nothing is said. */
export function defaultWorlds(demo: boolean): readonly World[] {
  if (demo) {
    const text = 'Endless grass to build on, in creative mode. The agent digs a ditch as it walks.';
    return [{ id: 'demo', title: 'Flat grassland', text, env: {} }];
  }
  return [
    {
      id: 'flat_world',
      title: 'Flat world',
      text: 'Nothing but grass: room to build, and nothing in the way.',
      env: { SESSION_CUBERITE_CONFIG: 'flat_world' },
    },
    {
      id: 'diverse_world',
      title: 'Diverse world',
      text: 'Hills, trees and water: a landscape to explore together.',
      env: { SESSION_CUBERITE_CONFIG: 'diverse_world' },
    },
  ];
}
