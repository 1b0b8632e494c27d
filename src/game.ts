import type { Command, Config } from './config/config.ts';
import type { End } from './outcome.ts';

/** The game server of a session, ready to be started. */
export interface Game {
  readonly command: Command;
  readonly cwd: string;
  /** What was found and mended while it was prepared. */
  readonly notices: readonly string[];
  /** What its own output says of how it ended. */
  interpret(end: End): End;
}

export async function prepareGame({ server, workdir }: Config): Promise<Game> {
  if (server.run.kind === 'cuberite') throw new Error('not yet');
  return { command: server.run.command, cwd: workdir, notices: [], interpret: end => end };
}
