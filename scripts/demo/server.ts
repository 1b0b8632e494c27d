/**
 * The demo's game: a real Minecraft server (flying-squid, 1.16.5, offline mode) in the current directory. `stop` on
 * stdin, or a signal, ends it with its world saved.
 *
 *     node scripts/demo/server.ts [--port 25565]
 */
import './no-terminal.ts';
import { appendFileSync, mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs, stripVTControlCharacters } from 'node:util';
import flyingSquid, { type Squid, type World } from 'flying-squid';

const { values } = parseArgs({ options: { port: { type: 'string', default: '25565' } } });

mkdirSync('logs', { recursive: true });
const server = openServer(Number(values.port));
placePlayersAtOnce(server);
const playersSaved = trackPlayerSaves(server);

server.once('ready', () => log('ready for players'));
server.once('error', error => {
  log(`cannot serve: ${error.message}`);
  process.exitCode = 1;
  process.exit();
});
createInterface({ input: process.stdin }).on('line', handleConsoleLine);
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, stop);

async function handleConsoleLine(line: string): Promise<void> {
  log(`console: ${line}`);
  if (line.trim() === 'stop') await stop();
  else await server.handleCommand(line);
}

let stopping = false;

async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  log('stopping');
  if (server.overworld) await closeWorld(server.overworld);
  process.exit(0);
}

/** flying-squid's own stop saves nothing: changes of the last second would be lost, or written in part. */
async function closeWorld(world: World): Promise<void> {
  world.stopSaving();
  await world.waitSaving();
  // A block that changes while its column is being saved is not saved: so every loaded column is saved again.
  for (const { chunkX, chunkZ } of world.getColumns()) world.queueSaving(Number(chunkX), Number(chunkZ));
  await server.quit('Server shutdown');
  await world.waitSaving();
  await playersSaved();
  log('world saved');
}

function openServer(port: number): Squid {
  const squid = flyingSquid.createMCServer({
    port,
    version: '1.16.5',
    'online-mode': false,
    motd: 'A Craftassist demo session',
    'max-players': 10,
    'max-entities': 10_000,
    'view-distance': 4,
    'player-list-text': { header: { text: 'Craftassist' }, footer: { text: 'demo session' } },
    'everybody-op': false,
    gameMode: 1,
    difficulty: 0,
    worldFolder: 'world',
    generation: { name: 'superflat', options: {} },
    kickTimeout: 10_000,
    plugins: {},
    modpe: false,
    logging: false,
    // With a debug function it leaves uncaught exceptions alone; its own handler would turn them into exit code 0.
    debug: () => undefined,
  });
  squid.log = log;
  return squid;
}

/**
 * flying-squid puts a player back to where it joined, and sends it land as it walks on, only after its first message
 * that it stands still or looks around: a player that walks at once comes to the end of the land, or is put back from
 * far away.
 */
function placePlayersAtOnce(squid: Squid): void {
  squid.on('newPlayer', player => {
    player.waitPlayerLogin = () => Promise.resolve();
  });
}

/** Players are saved when they leave, without an event when that is done. @returns a function that waits for it */
function trackPlayerSaves(squid: Squid): () => Promise<unknown> {
  const saves: Promise<void>[] = [];
  squid.on('newPlayer', player => {
    const { save } = player;
    player.save = () => {
      const saving = save();
      saves.push(saving);
      return saving;
    };
  });
  return () => Promise.all(saves);
}

function log(line: string): void {
  const entry = `${new Date().toISOString()} ${stripVTControlCharacters(line)}`;
  console.log(entry);
  appendFileSync('logs/latest.log', `${entry}\n`);
}
