import { variablesHelp } from '../config/define.ts';
import { SESSION_GROUPS } from '../config/session-variables.ts';
import { EXIT_CODES } from '../session/end-reason.ts';

/** Every exit code with its meaning. */
export const EXIT_CODE_ROWS: readonly (readonly [code: string, meaning: string])[] = [
  ...EXIT_CODES.map(({ code, meaning }) => [String(code), meaning] as const),
  ['128+n', 'aborted: a second signal, number n, was received'],
];

/** What `--help` prints, of everything that can be given. */
export function helpText(commands: readonly { readonly usage: string; readonly summary: string }[]): string {
  return [
    'craftassist-session: runs one Minecraft session with an agent, and saves what was recorded.',
    '',
    'Usage: craftassist-session [command]',
    '',
    ...table(commands.map(({ usage, summary }) => [usage, summary])),
    '',
    'Each command explains itself: craftassist-session <command> --help.',
    '',
    'A session is set up by environment variables; their defaults are in parentheses.',
    'Durations are 90s, 15m or 2h; a bare number is seconds.',
    ...variablesHelp(SESSION_GROUPS),
    '',
    'Credentials and region come from the standard AWS variables, a profile, or the role of the task.',
    '',
    'Exit codes:',
    ...table(EXIT_CODE_ROWS),
  ].join('\n');
}

/** Names and texts, one pair a line. */
export function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`);
}
