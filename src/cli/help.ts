import { VARIABLES } from '../config/session-variables.ts';
import { EXIT_CODES } from '../session/end-reason.ts';
import type { RunCommand } from './command.ts';

/** One line for each sub-command. */
const COMMANDS_HELP = [
  ['run', 'play one session as the environment says (the default)'],
  ['config', 'print the configuration in force, and where each value came from'],
  ['doctor', 'check, before anyone plays, that a session can be played and saved'],
  ['console …', "say one line on the running server's console, e.g. console say hello"],
  ['health', 'tell whether a session runs, and what it is doing'],
  ['recover …', 'make the archive of a session whose container has died, out of its journal'],
  ['tail …', 'follow a file of a running session, from its journal'],
] as const;

export const help: RunCommand = async ({ print }) => {
  print(helpText());
  return 0;
};

function helpText(): string {
  return [
    'craftassist-session: plays one Minecraft session with an agent, and saves what was recorded.',
    '',
    'Usage: craftassist-session [command]',
    '',
    ...table(COMMANDS_HELP.map(([name, text]) => [name, text])),
    ...table([
      ['--help', 'this text'],
      ['--version', 'version and commit'],
    ]),
    '',
    'A session is set up by environment variables. Durations are 90s, 15m or 2h; a bare number is seconds.',
    ...VARIABLES.flatMap(({ title, variables }) => [
      '',
      `${title}:`,
      ...variables.flatMap(variable => [
        '',
        `  ${variable.name}`,
        ...wrap(`${variable.meaning} (${variable.default})`),
      ]),
    ]),
    '',
    'Credentials and region come from the standard AWS variables, a profile, or the role of the task.',
    '',
    'Exit codes:',
    ...table(EXIT_CODES.map(({ code, meaning }) => [String(code), meaning])),
    ...table([['128+n', 'abandoned: a second signal n came in']]),
  ].join('\n');
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  return rows.map(([name, text]) => `  ${name.padEnd(12)} ${text}`);
}

/** Lines of at most 100 characters, indented. */
function wrap(text: string): string[] {
  return text.match(/.{1,94}(?:\s|$)|\S+/g)?.map(line => `      ${line.trimEnd()}`) ?? [];
}
