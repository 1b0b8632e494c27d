import { expect, test } from 'vitest';
import { parseBeat } from '../../../src/minecraft/cuberite/beat.ts';
import { worldLua } from '../../../src/minecraft/cuberite/world-plugin.ts';
import { loadLuaPlugin } from '../../support/cuberite/lua-plugin.ts';

const TICK_MS = 50;
const BEAT_FILE = '/tmp/a "b" \\c/beat';

interface LoadOptions {
  readonly saveIntervalMs: number | undefined;
  readonly lacks?: readonly string[];
}

/** The plug-in's own program, in a world whose time is the test's. */
function load({ saveIntervalMs, lacks }: LoadOptions = { saveIntervalMs: 10_000 }) {
  const saves: number[] = [];
  const written: { path: string; text: string }[] = [];
  const logged: string[] = [];
  let nowMs = 0;
  const host = {
    saveAllChunks: () => void saves.push(nowMs),
    writeFile: (path: string, text: string) => void written.push({ path, text }),
    log: (text: string) => void logged.push(text),
  };
  const plugin = loadLuaPlugin(worldLua({ saveIntervalMs, beatFile: BEAT_FILE }), host, lacks);
  return {
    saves,
    written,
    logged,
    beat: () => parseBeat(written.at(-1)?.text ?? ''),
    run(ms: number, players: readonly string[], tickMs = TICK_MS) {
      for (const endMs = nowMs + ms; nowMs < endMs; ) {
        nowMs += tickMs;
        plugin.tick(tickMs, players);
      }
    },
  };
}

test('the world is saved every ten seconds while somebody is in the game, and once more when they have left', () => {
  const world = load();
  world.run(60_000, []);
  expect(world.saves).toEqual([]);
  world.run(25_000, ['Walker']);
  expect(world.saves).toEqual([61_000, 71_000, 81_000]);
  world.run(60_000, []);
  expect(world.saves).toEqual([61_000, 71_000, 81_000, 91_000]);
});

test('a world whose server saves when it wants to is left alone', () => {
  const world = load({ saveIntervalMs: undefined });
  world.run(60_000, ['Walker']);
  expect(world.saves).toEqual([]);
  expect(world.written).toHaveLength(60);
});

test('each second tells how many ticks there were, the slowest, and who is in the game', () => {
  const world = load();
  world.run(1_000, ['Walker', 'A gent\ttwo']);
  expect(world.written.map(({ path }) => path)).toEqual([BEAT_FILE]);
  expect(world.beat()).toEqual({
    ...{ number: 1, ticks: 20, slowestTickMs: 50, missing: [] },
    players: ['Walker', 'A_gent_two'],
  });
  world.run(800, []);
  world.run(400, [], 400);
  expect(world.beat()).toMatchObject({ number: 2, ticks: 17, slowestTickMs: 400, players: [] });
});

test('a build that lacks something goes without it, and says so once', () => {
  const world = load({
    saveIntervalMs: 10_000,
    lacks: ['SaveAllChunks', 'ForEachPlayer', 'GetDefaultWorld'],
  });
  world.run(12_000, ['Walker']);
  expect(world.beat()).toMatchObject({ players: undefined });
  expect(world.beat()?.missing.toSorted()).toEqual(['ForEachPlayer', 'GetDefaultWorld', 'SaveAllChunks']);
  expect(world.logged.filter(line => line.includes('goes without'))).toHaveLength(3);

  const still = load({ saveIntervalMs: 10_000, lacks: ['HOOK_WORLD_TICK'] });
  still.run(12_000, ['Walker']);
  expect(still.written).toEqual([]);
  expect(still.logged[0]).toContain('goes without HOOK_WORLD_TICK');
});

test.each(['', '1 20', '1 20 50\t\t', 'x 20 50\t\t\n'])('%j is no beat', text => {
  expect(parseBeat(text)).toBeUndefined();
});
