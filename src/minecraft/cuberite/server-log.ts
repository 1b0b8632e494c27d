/** What a line of the server's output reports. */
export type ServerEvent =
  | { readonly kind: 'joined'; readonly name: string }
  | { readonly kind: 'left'; readonly name: string }
  /** A plug-in aborts the server without saving the world: its exit by SIGABRT follows. */
  | { readonly kind: 'plugin-exit'; readonly plugin: ExitPlugin };

export type ExitPlugin = 'shutdown_on_leave' | 'shutdown_if_no_player_join';

// As in `Info: [10:29:31] `; debug builds write the thread's id before the time.
const PREFIX = String.raw`\[(?:[0-9a-f]+\|)?\d\d:\d\d:\d\d\] `;

// Cuberite's own messages (src/ClientHandle.cpp, src/Entities/Player.cpp) follow the prefix directly, while those of
// plug-ins, chat included, begin with the plug-in's name in brackets.
const PLAYER = new RegExp(`^Info: ${PREFIX}Player (.+) has (joined|left) the game$`, 's');

const PLUGIN_EXIT = new RegExp(
  String.raw`^Error: ${PREFIX}(?:\[[^\]]*\] )?\[(shutdown_on_leave|shutdown_if_no_player_join)\] .*Exiting now\.$`,
);

/** Cuberite refuses players with longer names. */
const MAX_NAME_BYTES = 16;

/**
 * Reads one line of the server's output, without its line feed. Names are personal data.
 *
 * Cuberite accepts line feeds in a chat message of a modified client, and logs them as they are: such a message can
 * contain a line that looks like any other. These lines therefore decide about nothing but names in a report; how many
 * people are online, and whether the server has exited, is found out without them.
 */
export function parseServerLine(line: Buffer): ServerEvent | undefined {
  const text = line.toString('latin1').replace(/\r$/, '');
  const [, name, verb] = PLAYER.exec(text) ?? [];
  if (name !== undefined && name.length <= MAX_NAME_BYTES) {
    return { kind: verb === 'joined' ? 'joined' : 'left', name: printable(name) };
  }
  const [, plugin] = PLUGIN_EXIT.exec(text) ?? [];
  return isExitPlugin(plugin) ? { kind: 'plugin-exit', plugin } : undefined;
}

/** A client chooses the bytes of its name: control characters are removed. */
function printable(bytes: string): string {
  return Buffer.from(bytes, 'latin1')
    .toString('utf8')
    .replace(/\p{Cc}/gu, '');
}

function isExitPlugin(name: string | undefined): name is ExitPlugin {
  return name === 'shutdown_on_leave' || name === 'shutdown_if_no_player_join';
}
