import { mkdir, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { settings } from './program.ts';
import { serveStatus } from './status-server.ts';

/** A game server played by a test program. */
export interface Game {
  online: number;
  answers: boolean;
  /** When the first ping has been answered: from then on the server is ready. */
  readonly pinged: Promise<void>;
}

export interface GameOptions {
  /** Whether `stop` and SIGTERM are heard; a deaf server goes on. */
  readonly obeys?: boolean;
  readonly answers?: boolean;
  /** Read anew for every ping, in place of what `players N` sets. */
  readonly online?: (joined: number) => number;
  /** The console took the last player away. */
  readonly onEmpty?: () => void;
}

/** Answers pings on `--port`, and obeys its console: `players N`, `say …`, `stop`. A stop saves the world. */
export async function playGame({
  obeys = true,
  answers = true,
  online,
  onEmpty,
}: GameOptions = {}): Promise<Game> {
  const pinged = Promise.withResolvers<void>();
  const game: Game = { online: Number(settings.online), answers, pinged: pinged.promise };
  if (obeys) obeyConsole(game, onEmpty);
  process.on('SIGTERM', obeys ? saveAndExit : () => console.log('heard SIGTERM'));
  const standIn = {
    online: online ?? (() => game.online),
    answers: () => game.answers,
    onPing: pinged.resolve,
  };
  const { port } = await serveStatus(standIn, Number(settings.port));
  console.log(`listening on ${port}`);
  return game;
}

function obeyConsole(game: Game, onEmpty: (() => void) | undefined): void {
  createInterface({ input: process.stdin }).on('line', line => {
    const [command, ...words] = line.split(' ');
    if (command === 'stop') saveAndExit();
    if (command === 'say') console.log(`[say] ${words.join(' ')}`);
    if (command !== 'players') return;
    const before = game.online;
    game.online = Number(words[0]);
    console.log(`players online: ${game.online}`);
    if (before > 0 && game.online === 0) onEmpty?.();
  });
}

/** What a stop does. */
export async function saveAndExit(): Promise<void> {
  await mkdir('world', { recursive: true });
  await writeFile('world/saved', 'yes\n');
  console.log('world saved');
  process.exit(0);
}
