import { ARCHIVER_COMMAND } from '../archive/archiver-messages.ts';
import type { RunCommand } from './command.ts';

/** A sub-command, as help and docs/operate.md explain it. */
interface Command {
  readonly name: string;
  /** How it is written after `craftassist-session`. */
  readonly usage: string;
  readonly summary: string;
  /** Whatever it needs is imported when it is asked for. */
  readonly load: () => Promise<RunCommand>;
}

export const COMMANDS: readonly Command[] = [
  {
    name: 'run',
    usage: 'run',
    summary: 'runs one session as the environment says; this is the default',
    load: async () => (await import('./run.ts')).run,
  },
  {
    name: 'doctor',
    usage: 'doctor',
    summary: 'checks beforehand that a session can run and be saved',
    load: async () => (await import('./others.ts')).doctor,
  },
  {
    name: 'config',
    usage: 'config',
    summary: 'prints the configuration in force, secrets masked, and where each value came from',
    load: async () => (await import('./others.ts')).config,
  },
  {
    name: 'console',
    usage: 'console <line>',
    summary: 'sends one line to the console of the running server and prints its answer, e.g. console list',
    load: async () => (await import('./console.ts')).console,
  },
  {
    name: 'health',
    usage: 'health',
    summary:
      'prints whether a session runs, its phase and who takes part; the exit code says whether one runs',
    load: async () => (await import('./console.ts')).health,
  },
  {
    name: 'recover',
    usage: 'recover <session>',
    summary: 'makes the archive of a session whose container has died, out of its journal',
    load: async () => (await import('./others.ts')).recover,
  },
  {
    name: 'tail',
    usage: 'tail <session> [file]',
    summary: 'prints a file of a running session from its journal, and follows it',
    load: async () => (await import('./others.ts')).tail,
  },
  {
    name: 'ls',
    usage: 'ls <destination>',
    summary: 'lists the sessions at a destination: how they ended, and what lies there whole',
    load: async () => (await import('./others.ts')).ls,
  },
  {
    name: 'show',
    usage: 'show <session>',
    summary: 'tells what became of one session: when what happened, where everything lies, what is missing',
    load: async () => (await import('./others.ts')).show,
  },
  {
    name: 'cat',
    usage: 'cat <session> [file]',
    summary: 'prints files of a session out of its archive or its journal, or lists them',
    load: async () => (await import('./others.ts')).cat,
  },
  {
    name: 'get',
    usage: 'get <session> <folder>',
    summary: 'unpacks what a session recorded into a new folder, and writes nothing outside of it',
    load: async () => (await import('./others.ts')).get,
  },
  {
    name: 'verify',
    usage: 'verify <destination>',
    summary: 'reads what lies at a destination, or of one session, and names each fault with its remedy',
    load: async () => (await import('./others.ts')).verify,
  },
  {
    name: 'prune',
    usage: 'prune <destination>',
    summary: 'tells what nobody needs any more at a destination, and why; with --yes it is deleted',
    load: async () => (await import('./others.ts')).prune,
  },
  {
    name: 'amend',
    usage: 'amend <session> <folder>',
    summary:
      "tells what putting a folder in the place of a session's archive would do; with --yes it is done",
    load: async () => (await import('./others.ts')).amend,
  },
  {
    name: '--help',
    usage: '--help',
    summary: 'explains every command, variable and exit code',
    load: async () => {
      const { helpText } = await import('./others.ts');
      const text = helpText(COMMANDS);
      return async ({ print }) => {
        print(text);
        return 0;
      };
    },
  },
  {
    name: '--version',
    usage: '--version',
    summary: 'prints version and commit',
    load: async () => {
      const { readVersion } = await import('../runtime/version.ts');
      const { version, commit } = await readVersion();
      return async ({ print }) => {
        print(`craftassist-session ${version} (commit ${commit})`);
        return 0;
      };
    },
  },
];

const ALIASES: Readonly<Record<string, string>> = {
  help: '--help',
  '-h': '--help',
  version: '--version',
  '-V': '--version',
};

/** Used by this program alone: help does not tell of it. */
const ARCHIVER: Pick<Command, 'name' | 'load'> = {
  name: ARCHIVER_COMMAND,
  load: async () => (await import('../archive/archiver-main.ts')).archiver,
};

/**
 * The command of a name or of another spelling of it, or its help where its words ask for that.
 * @returns undefined: there is none
 */
export function findCommand(name: string, words: readonly string[]): Pick<Command, 'load'> | undefined {
  const command = COMMANDS.find(each => each.name === (ALIASES[name] ?? name));
  if (command === undefined) return name === ARCHIVER.name ? ARCHIVER : undefined;
  const isHelp = (word: string | undefined) => word === '--help' || word === '-h';
  // The line for the console may be anything.
  const asked = name === 'console' ? isHelp(words[0]) : words.some(isHelp);
  return asked && !name.startsWith('-') ? { load: () => loadHelpOf(command) } : command;
}

async function loadHelpOf(command: Command): Promise<RunCommand> {
  const { commandHelp } = await import('./others.ts');
  return async ({ print }) => {
    print(commandHelp(command));
    return 0;
  };
}

/** What is said of a command that does not exist. */
export async function describeUnknown(name: string): Promise<string> {
  const { nearestName } = await import('../runtime/nearest.ts');
  const near = nearestName(
    name,
    COMMANDS.map(each => each.name),
  );
  const hint = near === undefined ? 'see' : `did you mean ${near}? See`;
  return `unknown command ${JSON.stringify(name)}: ${hint} craftassist-session --help`;
}
