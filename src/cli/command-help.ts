import { EXIT_CODE_ROWS, table } from './help.ts';

/** What a command's own help tells besides its summary. */
interface Details {
  /** Of the words and options. */
  readonly options: readonly (readonly [name: string, meaning: string])[];
  readonly examples: readonly [string, string, ...string[]];
  /** Those that the command can end with, whose meaning is not its own. */
  readonly codes: readonly number[];
  /** Meanings of its own. */
  readonly ownCodes?: readonly (readonly [code: string, meaning: string])[];
}

const DESTINATION = 's3://bucket/prefix, file:///folder, or a path';
const SESSION = 's3://bucket/prefix/TIMESTAMP, or the path of its folder';
const DONE = ['0', 'it is done'] as const;

const DETAILS: Readonly<Record<string, Details>> = {
  run: {
    options: [],
    examples: [
      'SESSION_DESTINATION=s3://recordings/study craftassist-session run',
      'CRAFTASSIST_NO_UPLOAD=1 SESSION_MAX_DURATION=10m craftassist-session run',
    ],
    codes: [0, 10, 11, 12, 13, 20, 21, 64, 70],
  },
  doctor: {
    options: [],
    examples: [
      'SESSION_DESTINATION=s3://recordings/study craftassist-session doctor',
      'SESSION_DESTINATION=./sessions SESSION_AGENT_COMMAND=none craftassist-session doctor',
    ],
    codes: [70],
    ownCodes: [
      ['0', 'a session can run and be saved'],
      ['64', 'it cannot: each fault is printed with its remedy'],
    ],
  },
  config: {
    options: [],
    examples: ['craftassist-session config', 'SESSION_STOP_TIMEOUT=120s craftassist-session config'],
    codes: [64, 70],
    ownCodes: [DONE],
  },
  console: {
    options: [['<line>', 'one line for the console of the server, as somebody would type it there']],
    examples: ['craftassist-session console list', "craftassist-session console 'say five minutes left'"],
    codes: [64, 75],
    ownCodes: [DONE, ['1', 'the server has not taken it']],
  },
  health: {
    options: [],
    examples: ['craftassist-session health', 'SESSION_WORKDIR=/work craftassist-session health'],
    codes: [75],
    ownCodes: [
      ['0', 'a session runs'],
      ['1', 'none runs'],
    ],
  },
  recover: {
    options: [
      ['<session>', SESSION],
      ['--all', 'recovers every session below a destination that has a journal and no archive'],
      ['--dry-run', 'says what would be done'],
      ['--force', 'also a journal that somebody may still be writing: only once that is known to be over'],
      ['--discard-damaged', 'deletes the journal also where not everything in it could be read'],
      ['--output <folder>', 'rebuilds the working directory there; archive and journal stay as they are'],
      ['--scratch <folder>', 'where the files are rebuilt meanwhile; by default the temporary folder'],
    ],
    examples: [
      'craftassist-session recover s3://recordings/study/2026-11-22T11:26:36.000Z',
      'craftassist-session recover --all --dry-run s3://recordings/study',
    ],
    codes: [20, 64, 70],
    ownCodes: [DONE, ['22', 'saved with damage, the journal is kept']],
  },
  tail: {
    options: [
      ['<session>', SESSION],
      ['[file]', 'a path in its working directory; by default agent.log'],
    ],
    examples: [
      'craftassist-session tail s3://recordings/study/2026-11-22T11:26:36.000Z',
      'craftassist-session tail ./sessions/2026-11-22T11:26:36.000Z cuberite_process.log',
    ],
    codes: [64, 75],
    ownCodes: [
      ['0', 'the session is over, or a signal has ended it'],
      ['66', 'there is no such session or bucket, or it has no journal'],
    ],
  },
  ls: {
    options: [
      ['<destination>', DESTINATION],
      [
        '--since <time>',
        'began then or later: 2026-11-01, 2026-11-01T12:30 (UTC), or 36h or 7d for so long ago',
      ],
      ['--until <time>', 'began before then'],
      ['--reason <reason>', 'ended so, as in the column END: agent-exited, max-duration, cut-off, …'],
      ['--experiment <id>', 'is of that experiment, whose id is in the key of its archive'],
      ['--unsaved', 'is in no archive, or not whole in one, and neither runs nor is being recovered'],
      ['--sort <column>', 'start (default), length, size, people or session: the latest, or greatest, first'],
      ['--reverse', 'the other way round'],
      ['--limit <number>', 'so many of them; 0: all. By default all, and 50 on a terminal'],
      ['--after <session>', 'what comes after the last session of the page before'],
      ['--csv, --json', 'for programs: CSV, or one line of JSON for each session'],
    ],
    examples: [
      'craftassist-session ls --since 7d s3://recordings/study',
      'craftassist-session ls --unsaved --json ./sessions',
    ],
    codes: [70, 75, 77],
    ownCodes: [
      ['0', 'they are listed, also where there are none'],
      ['64', 'the command line, or a setting, has a fault'],
      ['66', 'there is no such bucket or folder'],
    ],
  },
  show: {
    options: [
      ['<session>', SESSION],
      ['--json', 'one line of JSON, its report included'],
    ],
    examples: [
      'craftassist-session show s3://recordings/study/2026-11-22T11:26:36.000Z',
      'craftassist-session show --json ./sessions/2026-11-22T11:26:36.000Z',
    ],
    codes: [70, 75, 77],
    ownCodes: [
      ['0', 'it is shown, whatever became of it'],
      ['64', 'the command line, or a setting, has a fault'],
      ['66', 'there is no such session or bucket'],
    ],
  },
  cat: {
    options: [
      ['<session>', SESSION],
      ['[file]', 'a path in its working directory, or a glob in quotes, as of SESSION_INCLUDE'],
      ['--list', 'lists files instead of printing them; so does no file'],
      ['--json', 'with --list: one line of JSON for each'],
    ],
    examples: [
      'craftassist-session cat s3://recordings/study/2026-11-22T11:26:36.000Z agent.log',
      "craftassist-session cat --list ./sessions/2026-11-22T11:26:36.000Z '*.log'",
    ],
    codes: [70, 75, 77],
    ownCodes: [
      ['0', 'it is printed'],
      ['22', 'the archive is damaged: what came before that is printed'],
      ['64', 'the command line, or a setting, has a fault'],
      ['66', 'there is no such session or bucket, no such file in it, or nothing of it is there'],
    ],
  },
  verify: {
    options: [
      ['<destination>', `${DESTINATION}; or one session`],
      ['--since <time>', 'began then or later: 2026-11-01, 2026-11-01T12:30 (UTC), or 36h or 7d'],
      ['--until <time>', 'began before then'],
      [
        '--sample <percent>',
        'reads so many of the archives and journals, at random: 5%. All else is checked of all',
      ],
      ['--resume', 'leaves out what an earlier run has found whole, and has not changed since'],
      ['--json', 'one line of JSON for each fault'],
    ],
    examples: [
      'craftassist-session verify s3://recordings/study',
      'craftassist-session verify --sample 5% --since 30d --json ./sessions',
    ],
    codes: [70, 75, 77],
    ownCodes: [
      ['0', 'no fault was found'],
      ['22', 'faults were found, and are printed'],
      ['64', 'the command line, or a setting, has a fault'],
      ['66', 'there is no session, or no such bucket'],
    ],
  },
  prune: {
    options: [
      ['<destination>', DESTINATION],
      ['--yes', 'deletes it; without, nothing is changed, and rights to read are enough'],
      ['--scratch <folder>', 'where recoveries rebuild files meanwhile; by default the temporary folder'],
      ['--json', 'one line of JSON for each'],
    ],
    examples: [
      'craftassist-session prune s3://recordings/study',
      'craftassist-session prune --yes ./sessions',
    ],
    codes: [70, 75, 77],
    ownCodes: [
      DONE,
      ['20', 'something could not be deleted'],
      ['64', 'the command line, or a setting, has a fault'],
      ['66', 'there is no such bucket or folder'],
    ],
  },
  amend: {
    options: [
      ['<session>', SESSION],
      [
        '<folder>',
        'what its archive is to hold, all of it: as get has unpacked it, and somebody has changed it',
      ],
      ['--why <text>', 'stands in its report from now on, for whoever reads it'],
      ['--drop-names', 'leaves names of people, and what SESSION_LABELS said, out of its report'],
      ['--yes', 'does it; without, nothing is changed, and rights to read are enough'],
    ],
    examples: [
      "craftassist-session amend --why 'consent withdrawn' s3://recordings/study/2026-11-22T11:26:36.000Z ./session",
      "craftassist-session amend --yes --drop-names --why 'consent withdrawn' ./sessions/2026-11-22T11:26:36.000Z ./session",
    ],
    codes: [70, 75, 77],
    ownCodes: [
      DONE,
      ['20', 'it has not ended: verify tells what is there, and it can be run again'],
      ['64', 'the command line, or a setting, has a fault'],
      ['66', 'there is no such session, bucket or folder, or no archive here that its report names'],
    ],
  },
  get: {
    options: [
      ['<session>', SESSION],
      ['<folder>', 'a folder that is not there yet, or is empty'],
    ],
    examples: [
      'craftassist-session get s3://recordings/study/2026-11-22T11:26:36.000Z ./session',
      'craftassist-session get ./sessions/2026-11-22T11:26:36.000Z /tmp/session',
    ],
    codes: [70, 75, 77],
    ownCodes: [
      DONE,
      ['22', 'something is damaged, or was left out: what could be unpacked is there'],
      ['64', 'the command line, or a setting, has a fault'],
      ['66', 'there is no such session or bucket, or nothing of it is there'],
    ],
  },
};

/** What `<command> --help` prints. */
export function commandHelp({
  name,
  usage,
  summary,
}: {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
}): string {
  const { options = [], examples = [], codes = [], ownCodes = [] } = DETAILS[name] ?? {};
  const known = EXIT_CODE_ROWS.filter(([code]) => codes.some(each => String(each) === code));
  const rows = [...ownCodes, ...known].sort(([a], [b]) => Number(a) - Number(b));
  const hasOptions = options.some(([option]) => option.startsWith('--'));
  return [
    `craftassist-session ${name}: ${summary}.`,
    '',
    `Usage: craftassist-session ${hasOptions ? usage.replace(name, `${name} [options]`) : usage}`,
    ...(options.length === 0 ? [] : ['', ...table(options)]),
    '',
    'Examples:',
    ...examples.map(example => `  ${example}`),
    '',
    'Exit codes:',
    ...table(rows),
  ].join('\n');
}
