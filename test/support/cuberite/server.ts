import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { serveStatus } from '../status-server.ts';
import { readCommands } from './console.ts';
import { type Deed, watchCrowd } from './crowd.ts';
import { type LuaPlugin, loadLuaPlugin } from './lua-plugin.ts';
import type { StandInOptions } from './options.ts';
import type { Output } from './output.ts';
import { readSettings, rewriteSettings, type Settings } from './settings.ts';
import { World } from './world.ts';

interface Server {
  readonly options: StandInOptions;
  readonly output: Output;
  readonly settings: Settings;
  readonly players: Set<string>;
  /** Settles when the server is to stop: by its console, the end of its input or a signal. */
  readonly stopped: PromiseWithResolvers<void>;
  lastLeftMs: number;
  readonly world: World;
  /** The thread of the world runs. */
  ticks: boolean;
}

/** Cuberite's life from start to end, as it was measured: it exits with 0 if it was not killed. */
export async function runServer(options: StandInOptions, output: Output): Promise<void> {
  const stopped = Promise.withResolvers<void>();
  let isStarting = true;
  let server: Server | undefined;
  const stop = () => {
    if (!isStarting) crashIfSomebodyJustLeft(server);
    stopped.resolve();
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
  // Node keeps SIGUSR1 to itself unless somebody listens; this listener lets the second one kill.
  process.once('SIGUSR1', () => process.kill(process.pid, 'SIGUSR1'));
  if (options.build === 'new') surviveOneCrash(output);

  for (const text of ['--- Started Log ---', 'Creating new server instance...', 'Reading server config...']) {
    output.log('Log', text);
  }
  const settings = readSettings(options.build);
  server = {
    options,
    output,
    settings,
    world: new World(settings.worldFolder, `${options.crowdFile}.blocks`),
    ticks: true,
    players: new Set(),
    stopped,
    lastLeftMs: Number.NEGATIVE_INFINITY,
  };
  loadPlugins(server);
  if (server.settings.plugins.includes('logging')) logWorldStarted();
  await setTimeout(options.startMs);
  if (await openPorts(server)) {
    isStarting = false;
    play(server, stop);
    await stopped.promise;
    output.log('Log', 'Shutting down server...');
    for (const name of server.players) leave(server, name);
    await saveWorld(server);
    rewriteSettings(server.settings.worldFolder);
    output.log('Log', 'Cleaning up...');
  }
  output.log('Log', 'Shutdown successful!');
  output.log('Log', '--- Stopped Log ---');
  output.flush();
  process.exit(0);
}

function loadPlugins({ output, settings }: Server): void {
  for (const file of ['MojangAPI.sqlite', 'Ranks.sqlite']) writeFileSync(file, 'SQLite format 3\0');
  output.log('Log', '-- Loading Plugins --');
  for (const name of settings.missingPlugins) {
    output.log('Warning', `No lua files found: plugin ${name} is missing.`);
  }
  for (const name of settings.plugins) output.log('Log', `[${name}] Loaded plugin: ${name}`);
  if (settings.plugins.includes('logging')) writeFileSync('logging.bin', Buffer.from([0, 0, 0, 5]));
  output.log('Log', `-- Loaded ${settings.plugins.length} Plugins --`);
}

/** The plug-in's record of a world that has started: hook 68, tick 0, and hashes of the files as they are then. */
function logWorldStarted(): void {
  const hash = (file: string) => createHash('sha1').update(readFileSync(file)).digest();
  const start = Buffer.from([68, 0, 0, 0, 0, 0, 0, 0, 0]);
  appendFileSync('logging.bin', Buffer.concat([start, hash('settings.ini'), hash('world/world.ini')]));
}

async function openPorts({ output, settings, players }: Server): Promise<boolean> {
  const standIn = { online: () => players.size };
  const opened = await Promise.all(
    settings.ports.map(port =>
      serveStatus(standIn, port).then(
        () => port,
        () => undefined,
      ),
    ),
  );
  for (const port of opened) if (port !== undefined) output.log('Info', `Server Running On Port: ${port}`);
  if (opened.every(port => port === undefined)) {
    output.log('Error', "Couldn't open any ports. Aborting the server");
    return false;
  }
  for (const port of settings.webAdminPorts) {
    createServer()
      .on('error', error => output.log('Warning', `WebAdmin: ${error.message}`))
      .listen(port);
  }
  output.log('Log', 'Startup complete, took 150ms!');
  return true;
}

function play(server: Server, stop: () => void): void {
  const { options, output, players, settings } = server;
  const has = (plugin: string) => settings.plugins.includes(plugin);
  watchCrowd(options.crowdFile, deed => act(server, deed));
  readCommands(line => command(server, line, stop), stop);
  runWorld(server);
  if (has('logging')) {
    setInterval(() => {
      if (players.size > 0) appendFileSync('logging.bin', Buffer.alloc(140, 1));
    }, 100).unref();
  }
  if (has('shutdown_if_no_player_join')) {
    globalThis.setTimeout(() => {
      if (server.lastLeftMs > 0 || players.size > 0) return;
      const text = '[shutdown_if_no_player_join] No player has joined the server in a while! Exiting now.';
      output.log('Error', `[ShutdownIfNoPlayerJoin] ${text}`);
      abort();
    }, options.patienceMs);
  }
}

const TICK_MS = 50;

/** The world's thread, with the plug-in that is called there; blocks are placed while anybody is in the game. */
function runWorld(server: Server): void {
  const { options, players, world } = server;
  const plugin = loadWorldPlugin(server);
  let lastMs = performance.now();
  setInterval(() => {
    const nowMs = performance.now();
    const deltaMs = Math.round(nowMs - lastMs);
    lastMs = nowMs;
    if (server.ticks) plugin?.tick(deltaMs, [...players]);
  }, TICK_MS).unref();
  const { blockEveryMs } = options;
  if (blockEveryMs === undefined) return;
  setInterval(() => {
    if (server.ticks && players.size > 0) world.placeBlock();
  }, blockEveryMs).unref();
}

function loadWorldPlugin({ options, output, settings, world }: Server): LuaPlugin | undefined {
  const file = 'Plugins/session_world/session_world.lua';
  if (!settings.plugins.includes('session_world') || !existsSync(file)) return undefined;
  const host = {
    saveAllChunks: () => void world.save(),
    writeFile: writeFileSync,
    log: (text: string) => output.log('Log', `[session_world] ${text}`),
  };
  return loadLuaPlugin(readFileSync(file, 'utf8'), host, options.lacks);
}

function act(server: Server, { kind, name, text }: Deed): void {
  const { output, players, settings } = server;
  if (kind === 'join' && !players.has(name)) {
    players.add(name);
    output.log('Info', `Player ${name} has joined the game`);
  }
  if (kind === 'leave' && players.has(name)) leave(server, name);
  if (kind === 'hang') server.ticks = false;
  // Cuberite logs a line feed in a message as it is; here it is spelled \n.
  if (kind === 'chat' && settings.plugins.includes('chatlog')) {
    output.log('Log', `[chatlog] [chatlog] ${name}: ${text.replaceAll('\\n', '\n')}`);
  }
}

function leave(server: Server, name: string): void {
  const { output, players, settings } = server;
  players.delete(name);
  server.lastLeftMs = performance.now();
  output.log('Info', `Player ${name} has left the game`);
  if (!settings.plugins.includes('shutdown_on_leave')) return;
  output.log('Error', '[ShutdownOnLeave] [shutdown_on_leave] Player left! Exiting now.');
  abort();
}

/** `say` and `list` are commands of a plug-in: Core, or what stands in for it. */
function command(server: Server, line: string, stop: () => void): void {
  const { output, players, settings } = server;
  const hasSay = ['Core', 'session_console'].some(name => settings.plugins.includes(name));
  const [word, ...words] = line.trim().split(' ');
  if (word === 'stop') return void kickAll(server).then(stop);
  output.log('Log', `Executing console command: "${line}"`);
  if (word === 'help') output.log('Info', 'help stop restart reload');
  else if (word === 'say' && hasSay) output.log('Log', `[SERVER] ${words.join(' ')}`);
  else if (word === 'list' && hasSay) {
    output.log('Info', `Players (${players.size}): ${[...players].join(', ')}`);
  } else output.log('Info', "Unknown command, type 'help' for all commands.");
}

/** With somebody on, a stop takes a second longer. */
async function kickAll(server: Server): Promise<void> {
  crashIfSomebodyJustLeft(server);
  const names = [...server.players];
  for (const name of names) {
    server.output.log('Info', `Kicking player ${name} for "Server shutdown"`);
    leave(server, name);
  }
  if (names.length > 0) await setTimeout(1_000);
}

async function saveWorld({ settings: { worldFolder }, players, world }: Server): Promise<void> {
  for (const folder of ['data', 'stats']) mkdirSync(`${worldFolder}/${folder}`, { recursive: true });
  world.placeBlock();
  await world.save();
  writeFileSync(`${worldFolder}/level.dat`, gzipSync('level'));
  writeFileSync(`${worldFolder}/data/scoreboard.dat`, gzipSync(String(players.size)));
}

/** The old build crashes when it is stopped just after a player left: often in truth, always here. */
function crashIfSomebodyJustLeft(server: Server | undefined): void {
  if (server?.options.build !== 'old') return;
  if (performance.now() - server.lastLeftMs > server.options.fragileMs) return;
  process.kill(process.pid, 'SIGSEGV');
}

/** The new build reports the first SIGSEGV or SIGABRT and lives on; the second finds no handler. */
function surviveOneCrash(output: Output): void {
  for (const signal of ['SIGSEGV', 'SIGABRT'] as const) {
    process.once(signal, () => {
      process.stderr.write('Stack trace:\n');
      output.log('Error', `Failure report: \n\n  :(   | Cuberite has encountered an error: ${signal}\n`);
    });
  }
}

/** What os.exit in a plug-in comes to: no world, and what waits in the buffer is lost. */
function abort(): void {
  const whileMs = 20;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, whileMs);
  process.stderr.write('Stack trace:\n');
  process.removeAllListeners('SIGABRT');
  process.kill(process.pid, 'SIGABRT');
}
