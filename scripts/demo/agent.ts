/**
 * The demo's agent: a real player (mineflayer) that joins, digs a ditch as it walks along, says in the chat what it
 * does, and leaves.
 *
 *     node scripts/demo/agent.ts [--port 25565] [--seconds 20]
 */
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createBot } from 'mineflayer';

const JOIN_LIMIT_MS = 30_000;
const WALK_LIMIT_MS = 5_000;
const EAST = -Math.PI / 2;

const { values } = parseArgs({
  options: { port: { type: 'string', default: '25565' }, seconds: { type: 'string', default: '20' } },
});

const bot = createBot({
  host: '127.0.0.1',
  port: Number(values.port),
  username: 'DemoAgent',
  auth: 'offline',
  version: '1.16.5',
  logErrors: false,
});
bot.on('error', error => fail(`cannot play on port ${values.port}: ${error.message || String(error)}`));
bot.on('kicked', reason => log(`kicked: ${reason}`));
bot.on('end', reason => fail(`the server hung up: ${reason}`));
bot.on('messagestr', line => log(`chat: ${line}`));
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => leave(signal));

await join();
await play(Number(values.seconds) * 1000);
await leave('the time is over');

async function join(): Promise<void> {
  await within(JOIN_LIMIT_MS, 'is not in the game', () => once(bot, 'spawn'));
  await within(JOIN_LIMIT_MS, 'sees no land', () => bot.waitForChunksToLoad());
  log(`joined at ${bot.entity.position.floored()}`);
}

async function play(durationMs: number): Promise<void> {
  const endMs = performance.now() + durationMs;
  say('Hello! I am the demo agent. Watch me dig a ditch.');
  while (performance.now() < endMs) {
    await dig();
    await walk(2);
    await setTimeout(500);
  }
  say('That is my ditch. Goodbye!');
}

/** Digs the block to the left of where the bot stands, and makes sure that it is gone. */
async function dig(): Promise<void> {
  const place = bot.entity.position.floored().offset(0, -1, -1);
  const block = bot.blockAt(place);
  if (!block || block.name === 'air') return say(`There is nothing to dig at ${place}.`);
  await bot.dig(block, true);
  if (bot.blockAt(place)?.name !== 'air') fail(`dug ${block.name} at ${place}, and it is still there`);
  say(`I have dug ${block.name} at ${place}.`);
}

/** The server may put a player somewhere else, and turn it, as it walks: it goes on from there. */
async function walk(blocks: number): Promise<void> {
  let goal = 0;
  const setOut = () => {
    goal = bot.entity.position.x + blocks;
    void bot.look(EAST, 0, true);
  };
  setOut();
  bot.on('forcedMove', setOut);
  bot.setControlState('forward', true);
  bot.setControlState('jump', true);
  await within(WALK_LIMIT_MS, `cannot walk on by ${blocks} blocks`, async () => {
    while (bot.entity.position.x < goal) await once(bot, 'move');
  });
  bot.off('forcedMove', setOut);
  bot.clearControlStates();
  log(`walked to ${bot.entity.position.floored()}`);
}

async function leave(why: string): Promise<never> {
  log(`leaving: ${why}`);
  bot.removeAllListeners('end');
  const left = once(bot, 'end');
  bot.quit();
  await left;
  log('left');
  process.exit(0);
}

/** Ends the program when the work takes too long. */
async function within(limitMs: number, fault: string, work: () => Promise<unknown>): Promise<void> {
  const limit = AbortSignal.timeout(limitMs);
  const onTimeout = () => fail(`${fault} after ${limitMs / 1000} s`);
  limit.addEventListener('abort', onTimeout);
  await work();
  limit.removeEventListener('abort', onTimeout);
}

function say(line: string): void {
  bot.chat(line);
}

function fail(why: string): never {
  const { position, yaw } = bot.entity ?? {};
  log(`failed: ${why}${position ? `, at ${position}, with yaw ${yaw}` : ''}`);
  process.exit(1);
}

function log(line: string): void {
  console.log(`${new Date().toISOString()} ${line}`);
}
