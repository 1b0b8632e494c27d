import { lstat } from 'node:fs/promises';
import type { Command, CuberiteConfig, SessionConfig } from '../config/session-config.ts';
import { unlessMissing } from '../files/errno.ts';
import { type FollowOptions, follow, splitLines } from '../files/tail.ts';
import { errorText } from '../runtime/text.ts';
import { type BeatFile, createBeatFile } from './cuberite/beat.ts';
import { checkCuberite } from './cuberite/check.ts';
import { cuberiteCommand, type OutputChoice } from './cuberite/command.ts';
import { applyLogEvent, endAll, NO_PLAYERS, type PlayerSessions } from './cuberite/player-sessions.ts';
import { prepareFolder } from './cuberite/prepare.ts';
import { keepReadySettings } from './cuberite/ready-settings.ts';
import { type ExitPlugin, parseServerLine } from './cuberite/server-log.ts';

/** The game server of a session, ready to be started. */
export interface GameServer {
  readonly command: Command;
  readonly cwd: string;
  /** What was changed during preparation without having been configured, each a sentence. */
  readonly notices: readonly string[];
  /** How its output is kept out of a buffer; undefined where the command is a user's own. */
  readonly output: OutputChoice | undefined;
  /** Where it tells each second that its world lives; undefined: it does not. */
  readonly beat: BeatFile | undefined;
  /** Console command by which its world is saved; undefined: it does so by itself. */
  readonly saveCommand: string | undefined;
  /** To be called once the server is ready: keeps what it changes when it stops. @returns why it could not */
  keepReadySettings(): Promise<string | undefined>;
  /** To be called once the server has exited: reads its log to the end. @throws when the log could not be read */
  finishLog(): Promise<ServerLogResult>;
}

/** What the server's log says. */
export interface ServerLogResult {
  /** Who was in the game: personal data. */
  readonly playerSessions: PlayerSessions;
  /** The plug-in that announced the server's end. */
  readonly exitPlugin: ExitPlugin | undefined;
}

/** @returns what is wrong with the server's configuration, each with its remedy */
export async function checkServer({ server }: SessionConfig): Promise<readonly string[]> {
  return server.run.kind === 'cuberite' ? checkCuberite(server.run) : [];
}

export interface ServerFiles {
  /** Absolute path of the file that will get the server's output. */
  readonly log: string;
  /** Whom the server runs as; undefined: as this process does. */
  readonly owner: Owner | undefined;
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Prepares the server's folder, and starts following its log. */
export async function prepareServer(config: SessionConfig, files: ServerFiles): Promise<GameServer> {
  const { run } = config.server;
  return run.kind === 'cuberite' ? prepareCuberite(run, config, files) : genericServer(run.command, config);
}

function genericServer(command: Command, { workdir, server }: SessionConfig): GameServer {
  const nothing = { playerSessions: NO_PLAYERS, exitPlugin: undefined };
  return {
    command,
    cwd: workdir,
    notices: [],
    output: undefined,
    beat: undefined,
    saveCommand: server.worldSave.command,
    keepReadySettings: async () => undefined,
    finishLog: async () => nothing,
  };
}

async function prepareCuberite(
  run: CuberiteConfig,
  config: SessionConfig,
  { log, owner }: ServerFiles,
): Promise<GameServer> {
  const { workdir, children, server } = config;
  const beat = await createBeatFile(owner).catch(errorText);
  const beatFile = typeof beat === 'string' ? undefined : beat;
  const { folder, plugins, notices } = await prepareFolder(run, {
    workdir,
    port: server.address.port,
    world: { saveIntervalMs: server.worldSave.intervalMs, beatFile: beatFile?.path },
  });
  const { command, cwd, output } = await cuberiteCommand(run, folder, children.env.PATH);
  return {
    command,
    cwd,
    notices: typeof beat === 'string' ? [...notices, `A world that hangs is not noticed: ${beat}.`] : notices,
    output,
    beat: beatFile,
    saveCommand: undefined,
    keepReadySettings: () => keepReadySettings(folder, workdir),
    finishLog: await followLog(log, plugins),
  };
}

/** Starts at the log's present end: in a kept folder it has an earlier session's lines. */
async function followLog(log: string, plugins: readonly string[]): Promise<GameServer['finishLog']> {
  const finished = new AbortController();
  const from = (await unlessMissing(lstat(log)))?.size ?? 0;
  const result = readLog(log, { from, signal: finished.signal }, plugins);
  // A failure is reported by finishLog; before that it is not an unhandled rejection.
  result.catch(() => undefined);
  return () => {
    finished.abort();
    return result;
  };
}

async function readLog(
  log: string,
  options: FollowOptions,
  plugins: readonly string[],
): Promise<ServerLogResult> {
  let playerSessions = NO_PLAYERS;
  let exitPlugin: ExitPlugin | undefined;
  for await (const line of splitLines(follow(log, options))) {
    const event = parseServerLine(line);
    if (event === undefined) continue;
    playerSessions = applyLogEvent(playerSessions, event, Date.now());
    // A chat message may contain such a line: it counts only where that plug-in is enabled.
    if (event.kind === 'plugin-exit' && plugins.includes(event.plugin)) exitPlugin = event.plugin;
  }
  return { playerSessions: endAll(playerSessions, Date.now()), exitPlugin };
}
