import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRegularFile } from '../../files/open.ts';

/** What the plug-in of world-plugin.ts tells of the last second. */
export interface Beat {
  /** How many it has told. */
  readonly number: number;
  /** 20, where nothing is slow. */
  readonly ticks: number;
  /** The longest time from one tick to the next. */
  readonly slowestTickMs: number;
  /** What this build of Cuberite does not have of what the plug-in calls. */
  readonly missing: readonly string[];
  /** Who is in the game, the agent among them: personal data. undefined: this build does not tell. */
  readonly players: readonly string[] | undefined;
}

export interface BeatFile extends AsyncDisposable {
  readonly path: string;
  /** The last beat; undefined: there has been none, or it is not whole. @throws when it cannot be read */
  read(): Promise<Beat | undefined>;
}

/**
 * Makes the file that the server writes its beats to: outside of the working directory, since it is neither archived nor
 * journaled. Disposing of it removes it.
 * @param owner whom the server runs as; undefined: as this process does
 * @throws when it cannot be made
 */
export async function createBeatFile(
  owner: { readonly uid: number; readonly gid: number } | undefined,
): Promise<BeatFile> {
  const folder = await mkdtemp(join(tmpdir(), 'craftassist-beat-'));
  const path = join(folder, 'beat');
  await writeFile(path, '', { mode: 0o600 });
  if (owner !== undefined) {
    // The file is the server's, the folder is not: nothing else can take its place.
    await chown(path, owner.uid, owner.gid);
    await chmod(folder, 0o711);
  }
  return {
    path,
    read: () => readBeat(path),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A thousand names of 16 characters. */
const MAX_BYTES = 32 * 1024;

async function readBeat(path: string): Promise<Beat | undefined> {
  await using file = await openRegularFile(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, 0);
  return parseBeat(buffer.toString('utf8', 0, bytesRead));
}

/** undefined: it is not whole. The file is cut before it is written anew. */
export function parseBeat(text: string): Beat | undefined {
  const [, number, ticks, slowest, missing = '', players = ''] =
    /^(\d+) (\d+) ([\d.]+)\t([^\t\n]*)\t([^\t\n]*)\n$/.exec(text) ?? [];
  if (number === undefined) return undefined;
  const lacking = words(missing);
  return {
    number: Number(number),
    ticks: Number(ticks),
    slowestTickMs: Number(slowest),
    missing: lacking,
    players: lacking.includes('ForEachPlayer') ? undefined : words(players),
  };
}

function words(text: string): string[] {
  return text.split(' ').filter(word => word !== '');
}

/** What tells that a world stands still whose server still answers pings. */
export interface BeatWatch {
  /**
   * @param beat the last one, as far as it is known: where it is not (a full disk, too, leaves none), nothing is said
   * @returns what is wrong
   */
  look(beat: Beat | undefined, atMs: number): string | undefined;
}

/** A world that is generated, or saved, may take its time. */
const PATIENCE_MS = 5_000;

export function createBeatWatch(): BeatWatch {
  let last: { readonly number: number; readonly atMs: number } | undefined;
  return {
    look(beat, atMs) {
      if (beat?.number !== last?.number) last = beat && { number: beat.number, atMs };
      return last !== undefined && atMs - last.atMs > PATIENCE_MS ? WORLD_STANDS_STILL : undefined;
    },
  };
}

const WORLD_STANDS_STILL = 'it answers pings, but its world stands still';

/** Such as `, 20 ticks a second`; empty where the world does not tell. */
export function describeTicks(beat: Beat | undefined): string {
  return beat === undefined ? '' : `, ${beat.ticks} ticks a second`;
}
