/** What a line of the server's output tells about its players. */
export type ServerEvent =
  | { readonly kind: 'joined'; readonly name: string }
  | { readonly kind: 'left'; readonly name: string }
  /** A plug-in ends the server without saving the world: a SIGABRT follows. */
  | { readonly kind: 'plugin-exit'; readonly plugin: ExitPlugin };

export type ExitPlugin = 'shutdown_on_leave' | 'shutdown_if_no_player_join';

// `Info: [10:29:31] `; debug builds put a thread's id before the time.
const PREFIX = String.raw`\[(?:[0-9a-f]+\|)?\d\d:\d\d:\d\d\] `;

// Cuberite's own lines (src/ClientHandle.cpp, src/Entities/Player.cpp) come straight after the opener, while what a
// plug-in logs, chat included, carries the plug-in's name in brackets there.
const PLAYER = new RegExp(`^Info: ${PREFIX}Player (.+) has (joined|left) the game$`, 's');

const PLUGIN_EXIT = new RegExp(
  String.raw`^Error: ${PREFIX}(?:\[[^\]]*\] )?\[(shutdown_on_leave|shutdown_if_no_player_join)\] .*Exiting now\.$`,
);

/** Cuberite turns away longer names. */
const MAX_NAME_BYTES = 16;

/**
 * Reads one line of the server's output, without its line ending. Names are personal data.
 *
 * Cuberite lets a modified client put a line feed into a chat message, and writes it to the log as it is: such a
 * message can hold a line that looks like any other. What follows from these lines is therefore never more than a
 * name in a report; how many people there are, and whether the server died, comes from outside of it.
 */
export function parseServerLine(line: Buffer): ServerEvent | undefined {
  const text = line.toString('latin1').replace(/\r$/, '');
  const [, name, verb] = PLAYER.exec(text) ?? [];
  if (name !== undefined && name.length <= MAX_NAME_BYTES) {
    return { kind: verb === 'joined' ? 'joined' : 'left', name: readable(name) };
  }
  const [, plugin] = PLUGIN_EXIT.exec(text) ?? [];
  return isExitPlugin(plugin) ? { kind: 'plugin-exit', plugin } : undefined;
}

/** A client chooses its name's bytes: what would act on a terminal is left out. */
function readable(bytes: string): string {
  return Buffer.from(bytes, 'latin1')
    .toString('utf8')
    .replace(/\p{Cc}/gu, '');
}

function isExitPlugin(name: string | undefined): name is ExitPlugin {
  return name === 'shutdown_on_leave' || name === 'shutdown_if_no_player_join';
}
