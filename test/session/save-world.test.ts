import { expect, test } from 'vitest';
import { saveWorldRepeatedly } from '../../src/session/save-world.ts';
import { eventually } from '../support/eventually.ts';

test('the world of any server is saved while somebody is in the game, and once more when they have left', async () => {
  const over = new AbortController();
  const game: { online: number | undefined } = { online: 0 };
  const sent: string[] = [];
  const server = { sendCommand: async (line: string) => sent.push(line) > 0 };
  const looks = { count: 0 };
  const monitor = {
    online() {
      looks.count += 1;
      return game.online;
    },
  };
  const after = (count: number, from = looks.count) => eventually(() => looks.count >= from + count);
  const saving = saveWorldRepeatedly({ server, monitor, command: 'save-all', intervalMs: 10 }, over.signal);
  await after(10);
  expect(sent).toEqual([]);
  game.online = 1;
  await eventually(() => sent.length >= 3);
  expect(new Set(sent)).toEqual(new Set(['save-all']));
  game.online = 0;
  await after(5);
  const { length } = sent;
  await after(10);
  expect(sent).toHaveLength(length);
  game.online = undefined;
  await eventually(() => sent.length > length);
  over.abort();
  await saving;
});
