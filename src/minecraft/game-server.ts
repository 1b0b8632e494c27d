import { stat } from 'node:fs/promises';
import type { Command, Config, CuberiteConfig } from '../config/session-config.ts';
import { type FollowOptions, follow, splitLines } from '../files/tail.ts';
import { childLog } from '../session/child-logs.ts';
import type { End } from '../session/end-reason.ts';
import { checkCuberite } from './cuberite/check.ts';
import { cuberiteCommand, type OutputChoice } from './cuberite/command.ts';
import { closeRoster, NOBODY, noteEvent, type Roster } from './cuberite/player-sessions.ts';
import { prepareFolder } from './cuberite/prepare.ts';
import { type ExitPlugin, parseServerLine } from './cuberite/server-log.ts';

/** The game server of a session, ready to be started. */
export interface Game {
  readonly command: Command;
  readonly cwd: string;
  /** What was found and mended while it was prepared. */
  readonly notices: readonly string[];
  /** How its output is kept from waiting in a buffer; undefined where that is the command's own affair. */
  readonly output: OutputChoice | undefined;
  /** Reads the server's lines to their end, once it has exited. */
  hearOut(): Promise<Heard>;
}

/** What the server's own lines have told. */
export interface Heard {
  /** Who was there: personal data. */
  readonly roster: Roster;
  /** The plug-in that announced the server's end. */
  readonly exitPlugin: ExitPlugin | undefined;
}

/** @returns what is wrong with the server's configuration, each with its remedy. */
export async function checkGame({ server }: Config): Promise<readonly string[]> {
  return server.run.kind === 'cuberite' ? checkCuberite(server.run) : [];
}

/** Makes the server's folder ready, and begins to listen to its lines. */
export async function prepareGame(config: Config): Promise<Game> {
  const { run } = config.server;
  return run.kind === 'cuberite' ? prepareCuberite(run, config) : plainGame(run.command, config);
}

function plainGame(command: Command, { workdir }: Config): Game {
  const nothing = { roster: NOBODY, exitPlugin: undefined };
  return { command, cwd: workdir, notices: [], output: undefined, hearOut: async () => nothing };
}

async function prepareCuberite(run: CuberiteConfig, config: Config): Promise<Game> {
  const { workdir, children, server } = config;
  const { folder, plugins, notices } = await prepareFolder(run, { workdir, port: server.address.port });
  const { command, cwd, output } = await cuberiteCommand(run, folder, children.env.PATH ?? '');
  return { command, cwd, notices, output, hearOut: await listen(childLog(config, 'server'), plugins) };
}

/** Listens from the log's present end on: a kept folder holds an earlier session's lines. */
async function listen(log: string, plugins: readonly string[]): Promise<Game['hearOut']> {
  const over = new AbortController();
  const from = (await stat(log).catch(() => undefined))?.size ?? 0;
  const hearing = hear(log, { from, signal: over.signal }, plugins);
  return () => {
    over.abort();
    return hearing;
  };
}

async function hear(log: string, options: FollowOptions, plugins: readonly string[]): Promise<Heard> {
  let roster = NOBODY;
  let exitPlugin: ExitPlugin | undefined;
  for await (const line of splitLines(follow(log, options))) {
    const event = parseServerLine(line);
    if (event === undefined) continue;
    roster = noteEvent(roster, event, Date.now());
    // A line in a chat message may look like it: only a plug-in that is there can have written it.
    if (event.kind === 'plugin-exit' && plugins.includes(event.plugin)) exitPlugin = event.plugin;
  }
  return { roster: closeRoster(roster, Date.now()), exitPlugin };
}

/**
 * A plug-in that ends Cuberite calls os.exit, and the server then always dies of SIGABRT (36 of 36 times): that is
 * how such a session ends normally, with its world lost.
 */
export function interpretEnd(end: End, { exitPlugin }: Heard): End {
  if (end.by !== 'server-exited' || exitPlugin === undefined) return end;
  const aborted = 'signal' in end.exit && end.exit.signal === 'SIGABRT';
  return aborted ? { by: 'server-ended-by-plugin', plugin: exitPlugin, exit: end.exit } : end;
}
