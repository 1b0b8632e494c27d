import { split } from 'shlex';
import * as v from 'valibot';
import { SESSIONS_FOLDER } from './key-template.ts';
import type { ChildUser, Codec, Command, S3Config } from './session-config.ts';

/*
 * A schema for each kind of value: from the text of a variable to its value. The message of an issue completes the
 * sentence `NAME "text" …`, and says what to write instead.
 */

/** As it stands: a path may begin or end with a blank. */
export const path = v.string();

export const word = v.pipe(v.string(), v.trim());

/** The groups of a pattern that the whole text has to match. */
export const matched = (pattern: RegExp, message: string) =>
  v.pipe(
    word,
    v.regex(pattern, message),
    v.transform(text => pattern.exec(text)?.slice(1) ?? []),
  );

/** A schema, or one word that stands for a value of its own. */
function orWord<const Value, Output>(
  name: string,
  value: Value,
  schema: v.GenericSchema<string, Output>,
): v.GenericSchema<string, Value | Output> {
  const itself = v.pipe(
    v.string(),
    v.transform(() => value),
  );
  return v.lazy((text): v.GenericSchema<string, Value | Output> => {
    return String(text).trim().toLowerCase() === name ? itself : schema;
  });
}

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** The longest delay that a Node timer takes. */
const LONGEST_MS = 2 ** 31 - 1;

/** `90s`, `1.5h`, or a bare number of seconds, in milliseconds. */
export const duration = v.pipe(
  matched(
    /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/,
    'is not a duration: write 90s, 15m or 2h; a bare number is seconds',
  ),
  v.transform(([number, unit = 's']) => Math.round(Number(number) * UNIT_MS[unit as keyof typeof UNIT_MS])),
  v.maxValue(LONGEST_MS, 'is too long: 24 days is the most'),
);

/** A duration that something must take: not zero. */
export const positiveDuration = v.pipe(
  duration,
  v.minValue(1, 'must be longer than nothing: write 1s or more'),
);

/** A duration, or undefined for `off`. */
export const durationOrOff = orWord('off', undefined, positiveDuration);

/** A stop timeout: two seconds of it are kept back for the supervisor's own end. */
export const stopTimeout = v.pipe(
  duration,
  v.minValue(3_000, 'leaves no time to stop and save: 3s is the least, 30s is what ECS gives by default'),
);

const NO_PROGRAM = 'names no program: write it as in a shell, or as a JSON array';
const NO_WORDS = 'is not a JSON array of strings: write ["program", "argument"], or words as in a shell';

const jsonWords = v.pipe(v.string(), v.parseJson(undefined, NO_WORDS), v.array(v.string(NO_WORDS), NO_WORDS));

const shellWords = v.pipe(
  v.string(),
  v.rawTransform<string, string[]>(({ dataset, addIssue, NEVER }) => {
    try {
      return split(dataset.value);
    } catch {
      addIssue({
        message: 'cannot be split into words: close the quotation, or escape its mark with a backslash',
      });
      return NEVER;
    }
  }),
);

/** Words split as a shell splits them (quotes and backslashes, nothing expanded), or a JSON array of strings. */
export const command = v.pipe(
  v.string(),
  v.lazy((text): v.GenericSchema<string, string[]> => {
    return String(text).trimStart().startsWith('[') ? jsonWords : shellWords;
  }),
  v.check(([file]) => file !== undefined && file !== '', NO_PROGRAM),
  v.check(
    words => !words.some(word => word.includes('\0')),
    'holds a NUL character, which no program can be given',
  ),
  v.transform(([file = '', ...args]): Command => [file, ...args]),
);

/** As `command`; `none` is undefined. */
export const commandOrNone = v.lazy((text): v.GenericSchema<string, Command | undefined> => {
  return text === 'none'
    ? v.pipe(
        v.string(),
        v.transform(() => undefined),
      )
    : command;
});

const NO_ADDRESS = 'is not host:port: write 127.0.0.1:25565';

/** `host:port`; an IPv6 address is written in brackets. */
export const address = v.pipe(
  matched(/^(?:\[([0-9a-f:.]+)\]|([^:\s[\]/]+)):(\d{1,5})$/i, NO_ADDRESS),
  v.transform(([v6, name = '', port]) => ({ host: v6 ?? name, port: Number(port) })),
  v.check(({ port }) => port >= 1 && port <= 65_535, NO_ADDRESS),
);

/** A whole number between two bounds. */
export function wholeNumber(least: number, most: number): v.GenericSchema<string, number> {
  const message = `is not a whole number from ${least} to ${most}`;
  return v.pipe(
    word,
    v.regex(/^\d+$/, message),
    v.transform(Number),
    v.minValue(least, message),
    v.maxValue(most, message),
  );
}

/** Cuberite's seeds are whole numbers of 32 bits, with a sign; handed on as they are written. */
export const seed = v.pipe(
  word,
  v.check(
    text => /^-?\d+$/.test(text) && Number(text) >= -(2 ** 31) && Number(text) < 2 ** 31,
    'is not a whole number from -2147483648 to 2147483647',
  ),
);

const NO_LEVEL = 'is not a gzip level: write one from 1 to 9';

/** One level; of a range, which earlier versions took, the lower bound. */
export const gzipLevel = v.pipe(
  matched(/^([1-9])(?:\s*-\s*([1-9]))?$/, NO_LEVEL),
  v.transform(([low, high = low]) => ({ low: Number(low), high: Number(high) })),
  v.check(({ low, high }) => low <= high, NO_LEVEL),
  v.transform(({ low }) => low),
);

const NAME_REMEDY = 'write a name such as 2026-01-31T12:00:00Z, or leave it out';

/** The last part of a key: no separators, nothing that a terminal or a bucket would stumble over. */
export const sessionName = v.pipe(
  v.string(),
  v.regex(/^.{1,128}$/su, `is longer than 128 characters: ${NAME_REMEDY}`),
  // A folder's name holds 255 bytes at most, one character takes up to four, and `.2` may be appended.
  v.maxBytes(240, 'is longer than 240 bytes: write a shorter name'),
  v.regex(/^[^/\\]*$/, `holds a slash: ${NAME_REMEDY}`),
  v.excludes('..', `holds "..": ${NAME_REMEDY}`),
  v.notValue('.', `is ".": ${NAME_REMEDY}`),
  v.notValue(SESSIONS_FOLDER, `is where reports and journals are: ${NAME_REMEDY}`),
  v.regex(/^\P{Cc}*$/u, `holds a control character: ${NAME_REMEDY}`),
);

/** The archive's file name, and the codec that its ending asks for. */
export const archive = v.pipe(
  word,
  v.regex(
    /^[^/\\\p{Cc}]+(?:\.tar\.gz|\.tar\.zst|\.tar)$/u,
    'is not the name of an archive: end it with .tar.gz, .tar.zst or .tar, without a folder',
  ),
  v.transform(archiveName => ({ archiveName, codec: codecOf(archiveName) })),
);

/** What the name of an archive asks for. */
export function codecOf(archiveName: string): Codec {
  if (archiveName.endsWith('.gz')) return 'gzip';
  return archiveName.endsWith('.zst') ? 'zstd' : 'none';
}

/** Comma-separated globs; commas inside braces belong to the glob. */
export const globs = v.pipe(
  v.string(),
  v.transform(text => trimmed(text.match(/(?:\{[^}]*\}|[^,{]|\{)+/g) ?? [])),
);

/** Comma-separated names. */
export const names = v.pipe(
  v.string(),
  v.transform(text => trimmed(text.split(','))),
);

const NO_PORTS = 'is not a list of ports: write 80,8080, or none';

/** Comma-separated TCP ports; or `none`. */
export const ports = orWord(
  'none',
  [],
  v.pipe(
    matched(/^(\d{1,5}(?:\s*,\s*\d{1,5})*)$/, NO_PORTS),
    v.transform(([list = '']) => list.split(',').map(Number)),
    v.check(list => list.every(port => port >= 1 && port <= 65_535), NO_PORTS),
  ),
);

function trimmed(texts: readonly string[]): string[] {
  return texts.map(text => text.trim()).filter(text => text !== '');
}

/** One of the values that are known. */
export const oneOf = <const Known extends readonly string[]>(known: Known) => v.pipe(word, pick(known));

/** Comma-separated names, each one of those that are known; or `none`. */
export const namesOf = <const Known extends readonly string[]>(known: Known) =>
  orWord('none', [], v.pipe(names, v.array(pick(known))));

function pick<const Known extends readonly string[]>(known: Known) {
  return v.picklist(known, `is not known: write one of ${known.join(', ')}`);
}

/** `AES256`, `aws:kms`, or `aws:kms:<key id or ARN>`. */
export const encryption = v.pipe(
  matched(/^(?:(AES256)|aws:kms(?::(.+))?)$/, 'is not known: write AES256, aws:kms or aws:kms:<key>'),
  v.transform(([aes256, kmsKeyId]): S3Config['encryption'] =>
    aes256 === undefined ? { algorithm: 'aws:kms', kmsKeyId } : { algorithm: 'AES256', kmsKeyId: undefined },
  ),
);

/** A twelve-digit AWS account. */
export const account = v.pipe(word, v.regex(/^\d{12}$/, 'is not an AWS account: write its twelve digits'));

/** The most that a user's or a group's number can be: 2^32 - 1 means nobody, as setuid(2) says. */
const GREATEST_ID = 2 ** 32 - 2;

const NO_USER = 'is not a user: write a name, uid or uid:gid';

/** A user's name, or `uid`, or `uid:gid`. */
export const childUser = v.pipe(
  matched(/^(?:(\d+)(?::(\d+))?|([A-Za-z_][\w.-]{0,31}))$/, NO_USER),
  v.transform(([uid, gid, name]): ChildUser => {
    if (name !== undefined) return { name };
    return { uid: Number(uid), gid: gid === undefined ? undefined : Number(gid) };
  }),
  v.check(user => 'name' in user || Math.max(user.uid, user.gid ?? 0) <= GREATEST_ID, NO_USER),
  v.check(user => 'name' in user || user.uid !== 0, 'is root: name another user, or leave it out'),
);

/** One line for the server's console; undefined: none. */
export const consoleLine = v.pipe(
  v.string(),
  v.regex(/^\P{Cc}*$/u, 'is more than one line: write one command'),
  v.transform(line => (line === '' ? undefined : line)),
);
