import { stat } from 'node:fs/promises';
import type { Command, CuberiteConfig, SessionConfig } from '../config/session-config.ts';
import { type FollowOptions, follow, splitLines } from '../files/tail.ts';
import { checkCuberite } from './cuberite/check.ts';
import { cuberiteCommand, type OutputChoice } from './cuberite/command.ts';
import { applyLogEvent, endAll, NO_PLAYERS, type PlayerSessions } from './cuberite/player-sessions.ts';
import { prepareFolder } from './cuberite/prepare.ts';
import { type ExitPlugin, parseServerLine } from './cuberite/server-log.ts';

/** The game server of a session, ready to be started. */
export interface GameServer {
  readonly command: Command;
  readonly cwd: string;
  /** What was found and mended while it was prepared. */
  readonly notices: readonly string[];
  /** How its output is kept from waiting in a buffer; undefined where that is the command's own affair. */
  readonly output: OutputChoice | undefined;
  /** Reads the server's lines to their end, once it has exited. */
  finishLog(): Promise<ServerLogResult>;
}

/** What the server's own lines have told. */
export interface ServerLogResult {
  /** Who was there: personal data. */
  readonly playerSessions: PlayerSessions;
  /** The plug-in that announced the server's end. */
  readonly exitPlugin: ExitPlugin | undefined;
}

/** @returns what is wrong with the server's configuration, each with its remedy. */
export async function checkServer({ server }: SessionConfig): Promise<readonly string[]> {
  return server.run.kind === 'cuberite' ? checkCuberite(server.run) : [];
}

/**
 * Makes the server's folder ready, and begins to follow its log.
 * @param logFile absolute path: where the server's output goes
 */
export async function prepareServer(config: SessionConfig, logFile: string): Promise<GameServer> {
  const { run } = config.server;
  return run.kind === 'cuberite' ? prepareCuberite(run, config, logFile) : genericServer(run.command, config);
}

function genericServer(command: Command, { workdir }: SessionConfig): GameServer {
  const nothing = { playerSessions: NO_PLAYERS, exitPlugin: undefined };
  return { command, cwd: workdir, notices: [], output: undefined, finishLog: async () => nothing };
}

async function prepareCuberite(
  run: CuberiteConfig,
  config: SessionConfig,
  logFile: string,
): Promise<GameServer> {
  const { workdir, children, server } = config;
  const { folder, plugins, notices } = await prepareFolder(run, { workdir, port: server.address.port });
  const { command, cwd, output } = await cuberiteCommand(run, folder, children.env.PATH ?? '');
  return { command, cwd, notices, output, finishLog: await followLog(logFile, plugins) };
}

/** Listens from the log's present end on: a kept folder holds an earlier session's lines. */
async function followLog(log: string, plugins: readonly string[]): Promise<GameServer['finishLog']> {
  const over = new AbortController();
  const from = (await stat(log).catch(() => undefined))?.size ?? 0;
  const reading = readLog(log, { from, signal: over.signal }, plugins);
  return () => {
    over.abort();
    return reading;
  };
}

async function readLog(
  log: string,
  options: FollowOptions,
  plugins: readonly string[],
): Promise<ServerLogResult> {
  let roster = NO_PLAYERS;
  let exitPlugin: ExitPlugin | undefined;
  for await (const line of splitLines(follow(log, options))) {
    const event = parseServerLine(line);
    if (event === undefined) continue;
    roster = applyLogEvent(roster, event, Date.now());
    // A line in a chat message may look like it: only a plug-in that is there can have written it.
    if (event.kind === 'plugin-exit' && plugins.includes(event.plugin)) exitPlugin = event.plugin;
  }
  return { playerSessions: endAll(roster, Date.now()), exitPlugin };
}
