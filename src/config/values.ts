import { split } from 'shlex';
import type { Address, ChildUser, Codec, Command, S3Config } from './session-config.ts';

/*
 * One parser for each kind of value. Each takes the text of a variable and returns its value, or throws an Error
 * whose message completes the sentence `SESSION_X "text" …` and says what to write instead.
 */

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** The longest delay that a Node timer takes. */
const LONGEST_MS = 2 ** 31 - 1;

/** `90s`, `1.5h`, or a bare number of seconds, in milliseconds. */
export function duration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(text.trim());
  if (match === null) throw new Error('is not a duration: write 90s, 15m or 2h; a bare number is seconds');
  const unit = (match[2] ?? 's') as keyof typeof UNIT_MS;
  const ms = Math.round(Number(match[1]) * UNIT_MS[unit]);
  if (ms > LONGEST_MS) throw new Error('is too long: 24 days is the most');
  return ms;
}

/** A duration that something must take: not zero. */
export function positiveDuration(text: string): number {
  const ms = duration(text);
  if (ms === 0) throw new Error('must be longer than nothing: write 1s or more');
  return ms;
}

/** A duration, or undefined for `off`. */
export function durationOrOff(text: string): number | undefined {
  return text.trim().toLowerCase() === 'off' ? undefined : positiveDuration(text);
}

/** A stop timeout: two seconds of it are kept back for the supervisor's own end. */
export function stopTimeout(text: string): number {
  const ms = duration(text);
  if (ms < 3_000)
    throw new Error('leaves no time to stop and save: 3s is the least, 30s is what ECS gives by default');
  return ms;
}

/** Words split as a shell splits them (quotes and backslashes, nothing expanded), or a JSON array of strings. */
export function command(text: string): Command {
  const words = text.trimStart().startsWith('[') ? jsonWords(text) : shellWords(text);
  const [file, ...args] = words;
  if (file === undefined || file === '')
    throw new Error('names no program: write it as in a shell, or as a JSON array');
  if (words.some(word => word.includes('\0')))
    throw new Error('holds a NUL character, which no program can be given');
  return [file, ...args];
}

function shellWords(text: string): string[] {
  try {
    return split(text);
  } catch (cause) {
    throw new Error('cannot be split into words: close the quotation, or escape its mark with a backslash', {
      cause,
    });
  }
}

function jsonWords(text: string): string[] {
  const remedy = 'is not a JSON array of strings: write ["program", "argument"], or words as in a shell';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error(remedy, { cause });
  }
  if (!Array.isArray(value) || !value.every(word => typeof word === 'string')) throw new Error(remedy);
  return value;
}

/** `host:port`; an IPv6 address stands in brackets. */
export function address(text: string): Address {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:\s[\]/]+)):(\d{1,5})$/i.exec(text.trim());
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port < 1 || port > 65_535)
    throw new Error('is not host:port: write 127.0.0.1:25565');
  return { host, port };
}

/** A whole number between two bounds. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return text => {
    const value = Number(text.trim());
    if (!/^\d+$/.test(text.trim()) || value < least || value > most) {
      throw new Error(`is not a whole number from ${least} to ${most}`);
    }
    return value;
  };
}

/** Two levels as `1-6`, or one that stays fixed. */
export function levelBounds(text: string): { min: number; max: number } {
  const match = /^([1-9])(?:\s*-\s*([1-9]))?$/.exec(text.trim());
  const min = Number(match?.[1]);
  const max = Number(match?.[2] ?? match?.[1]);
  if (match === null || min > max)
    throw new Error('is not a compression level: write one from 1 to 9, or bounds as 1-6');
  return { min, max };
}

const FORBIDDEN_IN_NAMES = [
  { found: /^$/, fault: 'is empty' },
  { found: /^.{129}/su, fault: 'is longer than 128 characters' },
  { found: /[/\\]/, fault: 'holds a slash' },
  { found: /^\.$|\.\./, fault: 'holds ".."' },
  { found: /\p{Cc}/u, fault: 'holds a control character' },
];

/** The last part of a key: no separators, nothing that a terminal or a bucket would stumble over. */
export function sessionName(text: string): string {
  const fault = FORBIDDEN_IN_NAMES.find(({ found }) => found.test(text))?.fault;
  // A folder's name holds 255 bytes at most, and one character takes up to four.
  if (Buffer.byteLength(text) > 255) throw new Error('is longer than 255 bytes: write a shorter name');
  if (fault !== undefined)
    throw new Error(`${fault}: write a name such as 2026-01-31T12:00:00Z, or leave it out`);
  return text;
}

/** The archive's file name, and the codec that its ending asks for. */
export function archive(text: string): { archiveName: string; codec: Codec } {
  const name = text.trim();
  const ending = /^[^/\\\p{Cc}]+?(\.tar\.gz|\.tar\.zst|\.tar)$/u.exec(name)?.[1];
  switch (ending) {
    case '.tar.gz':
      return { archiveName: name, codec: 'gzip' };
    case '.tar.zst':
      return { archiveName: name, codec: 'zstd' };
    case '.tar':
      return { archiveName: name, codec: 'none' };
    default:
      throw new Error(
        'is not the name of an archive: end it with .tar.gz, .tar.zst or .tar, without a folder',
      );
  }
}

/** Comma-separated globs; commas inside braces belong to the glob. */
export function globs(text: string): readonly string[] {
  return (text.match(/(?:\{[^}]*\}|[^,{]|\{)+/g) ?? []).map(glob => glob.trim()).filter(glob => glob !== '');
}

/** Comma-separated names. */
export function names(text: string): readonly string[] {
  return text
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '');
}

/** Comma-separated names, each one of those that are known. */
export function namesOf<Name extends string>(known: readonly Name[]): (text: string) => readonly Name[] {
  return text => names(text).map(oneOf(known));
}

/** One of the values that are known. */
export function oneOf<Value extends string>(known: readonly Value[]): (text: string) => Value {
  return text => {
    const value = known.find(name => name === text.trim());
    if (value === undefined) throw new Error(`is not known: write one of ${known.join(', ')}`);
    return value;
  };
}

/** `AES256`, `aws:kms`, or `aws:kms:<key id or ARN>`. */
export function encryption(text: string): S3Config['encryption'] {
  const match = /^(?:(AES256)|(aws:kms)(?::(.+))?)$/.exec(text.trim());
  if (match === null) throw new Error('is not known: write AES256, aws:kms or aws:kms:<key>');
  if (match[1] !== undefined) return { algorithm: 'AES256', kmsKeyId: undefined };
  return { algorithm: 'aws:kms', kmsKeyId: match[3] };
}

/** A twelve-digit AWS account. */
export function account(text: string): string {
  if (!/^\d{12}$/.test(text.trim())) throw new Error('is not an AWS account: write its twelve digits');
  return text.trim();
}

/** The most that a user's or a group's number can be: 2^32 - 1 stands for nobody, as setuid(2) says. */
const GREATEST_ID = 2 ** 32 - 2;

/** A user's name, or `uid`, or `uid:gid`. */
export function childUser(text: string): ChildUser {
  const [, uid, gid, name] = /^(?:(\d+)(?::(\d+))?|([A-Za-z_][\w.-]{0,31}))$/.exec(text.trim()) ?? [];
  if (name !== undefined) return { name };
  const ids = [uid, gid].map(id => (id === undefined ? undefined : Number(id)));
  if (uid === undefined || ids.some(id => id !== undefined && id > GREATEST_ID))
    throw new Error('is not a user: write a name, uid or uid:gid');
  if (Number(uid) === 0) throw new Error('is root: name another user, or leave it out');
  return { uid: Number(uid), gid: ids[1] };
}

/** One line for the server's console. */
export function consoleLine(text: string): string {
  if (/\p{Cc}/u.test(text))
    throw new Error('is more than one line: write the one command that stops the server');
  return text;
}

/** Cuberite's seeds are whole numbers of 32 bits, with a sign. */
export function seed(text: string): string {
  const value = Number(text.trim());
  if (!/^-?\d+$/.test(text.trim()) || value < -(2 ** 31) || value >= 2 ** 31) {
    throw new Error('is not a whole number from -2147483648 to 2147483647');
  }
  return text.trim();
}
