/** What is left in a region file of the world. */
export interface StoredWorld {
  /** The numbers of the blocks. */
  readonly blocks: readonly number[];
  /** Chunks of the region that are not as they were ever saved. */
  readonly damagedChunks: number;
}

/** A game server in whose world somebody builds: block after block, each with a number, in the region 0, 0. */
export interface BuildingSite extends AsyncDisposable {
  /** Which server it is, for a heading. */
  readonly server: string;
  /** What a session in whose world it happens is told. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Lets somebody join who builds. @param port where the game is played */
  join(port: number): Promise<void>;
  /** The blocks that were placed until now, with the time (Date.now) of each. */
  placed(): Promise<readonly (readonly [number: number, atMs: number])[]>;
  /** Reads a region file; nothing of it is taken on trust. */
  read(region: Buffer): StoredWorld;
}

/** The blocks that were placed, as whoever placed them wrote them down: a line each, with its number and its time. */
export function parsePlaced(text: string): [number, number][] {
  const lines = text.split('\n').slice(0, -1);
  return lines.map(line => {
    const [number, atMs] = line.split(' ').map(Number);
    return [number ?? Number.NaN, atMs ?? Number.NaN];
  });
}
