/** Which of the two measured builds the stand-in is. */
export type Build = 'new' | 'old';

/** What a test tells its stand-in, in the variable CUBERITE_STAND_IN, as JSON. */
export interface StandInOptions {
  readonly build: Build;
  /**
   * Lines that are added to this file are what players do: `join Walker`, `leave Walker`, `chat Walker hello`; `hang World`
   * stops the thread of the world, and of nothing else.
   */
  readonly crowdFile: string;
  /** How long a start takes; the real server needs 250 ms, and 2 s in a fresh folder. */
  readonly startMs: number;
  /** After how long without a player shutdown_if_no_player_join ends the server; 15 minutes in the real one. */
  readonly patienceMs: number;
  /** For how long after a player left the old build cannot be stopped without a crash; 25 ms in the real one. */
  readonly fragileMs: number;
  /** How often whoever is in the game places a block; undefined: nobody builds. */
  readonly blockEveryMs?: number;
  /** What of its API for plug-ins this build lacks. */
  readonly lacks?: readonly string[];
}

export const STAND_IN_VARIABLE = 'CUBERITE_STAND_IN';
