import { gunzipSync } from 'node:zlib';
import * as v from 'valibot';
import { destinationText, destinationUrl } from './destination-url.ts';
import { DEFAULT_KEY } from './key-template.ts';
import type { Environment } from './session-config.ts';

/*
 * The launchers of before hand the container its script in RUN_SH_GZ_B64, gzipped, in base64, and that script alone
 * says where the data goes. It is read as text, for two facts; nothing of it is ever run.
 */

export const LAUNCHER_SCRIPT = 'RUN_SH_GZ_B64';

export interface LauncherScript {
  /** What it says of variables that are not set, where that is not what holds without it. */
  readonly values: Environment;
  /** What was taken of it, what was not and why; each a sentence. */
  readonly notices: readonly string[];
}

const NOTHING: LauncherScript = { values: {}, notices: [] };

/** Reads what the launcher's script says of the destination and the key, where nothing else does. */
export function readLauncherScript(env: Environment): LauncherScript {
  const text = env[LAUNCHER_SCRIPT];
  // Without an upload there is no destination to speak of.
  if (!text?.trim() || env.CRAFTASSIST_NO_UPLOAD?.trim()) return NOTHING;
  const said = factsOf(text);
  if (typeof said === 'string') {
    return { values: {}, notices: [`${LAUNCHER_SCRIPT} ${said}: it is ignored`] };
  }
  return merged([
    take('SESSION_DESTINATION', said.destination, env, sameDestination),
    take('SESSION_KEY', said.key, env, (a, b) => a === b),
  ]);
}

/** A variable that is set holds, and a difference is told; else it becomes what the script says. */
function take(
  name: 'SESSION_DESTINATION' | 'SESSION_KEY',
  said: string,
  env: Environment,
  isSame: (a: string, b: string) => boolean,
): LauncherScript {
  const given = env[name]?.trim();
  if (given) {
    const told = `${name} is set, and holds: the script in ${LAUNCHER_SCRIPT} says ${said} instead`;
    return isSame(given, said) ? NOTHING : { values: {}, notices: [told] };
  }
  if (said === DEFAULT_KEY) return NOTHING;
  const taken = `${name} is not set: ${said} is taken from the script in ${LAUNCHER_SCRIPT}, which is not run`;
  return { values: { [name]: said }, notices: [taken] };
}

function merged(parts: readonly LauncherScript[]): LauncherScript {
  return {
    values: Object.assign({}, ...parts.map(({ values }) => values)),
    notices: parts.flatMap(({ notices }) => notices),
  };
}

function sameDestination(a: string, b: string): boolean {
  const [one, other] = [a, b].map(text => v.safeParse(destinationUrl, text));
  return (
    one?.success === true &&
    other?.success === true &&
    destinationText(one.output) === destinationText(other.output)
  );
}

/** Where the scripts of the crowd-sourcing pipeline upload to; others do what holds without SESSION_KEY as well. */
const PIPELINE_KEY = '[{experiment}/interaction/]{timestamp}';

interface Facts {
  readonly destination: string;
  readonly key: string;
}

/** @returns why there are none, if so; never in the script's own words, which may hold credentials. */
function factsOf(base64: string): Facts | string {
  const script = decode(base64);
  if ('fault' in script) return script.fault;
  const lines = script.text.split(/\r?\n/);
  const destinations = new Set(lines.flatMap(line => assignedDestination(line) ?? []));
  const [destination] = destinations;
  if (destination === undefined) return 'has no line S3_DEST=s3://bucket/prefix';
  if (destinations.size > 1) return 'sets S3_DEST to several places';
  if (!v.is(destinationUrl, destination)) return 'sets S3_DEST to what is no s3://bucket/prefix';
  return { destination, key: lines.some(addsInteraction) ? PIPELINE_KEY : DEFAULT_KEY };
}

/** What environment overrides of an ECS task can hold is 8 KiB; what one variable of a process can is 128 KiB. */
const MAX_BASE64 = 65_536;
const MAX_SCRIPT_BYTES = 1_048_576;

function decode(base64: string): { readonly text: string } | { readonly fault: string } {
  if (base64.length > MAX_BASE64) return { fault: `is longer than ${MAX_BASE64} characters` };
  // base64(1) breaks its lines.
  const joined = base64.replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(joined)) return { fault: 'is not base64' };
  try {
    const bytes = gunzipSync(Buffer.from(joined, 'base64'), { maxOutputLength: MAX_SCRIPT_BYTES });
    return { text: bytes.toString('utf8') };
  } catch (error) {
    const isTooLong = error instanceof RangeError;
    return {
      fault: isTooLong ? `holds more than ${MAX_SCRIPT_BYTES} bytes` : 'does not hold a whole gzip file',
    };
  }
}

// What follows a value in the same line: a comment, or another command.
const ASSIGNMENT =
  /^\s*(?:(?:export|readonly|local|declare)\s+)?S3_DEST=(?:"([^"]*)"|'([^']*)'|([^\s"';#&|]*))\s*(?:[;#&|].*)?$/;

/** The place that a line sets S3_DEST to; undefined for those that append to it, and for what the shell would expand. */
function assignedDestination(line: string): string | undefined {
  const [, double, single, bare] = ASSIGNMENT.exec(line) ?? [];
  const value = double ?? single ?? bare;
  return value !== undefined && /^s3:/i.test(value) && !/[$`\\]/.test(value) ? value : undefined;
}

/** Whether a line puts a folder of that name below S3_DEST; `interaction_loggings.json` is none. */
function addsInteraction(line: string): boolean {
  const [code = ''] = line.split('#', 1);
  const at = code.search(/\$(?:S3_DEST\b|\{S3_DEST\})/);
  return at >= 0 && /\/interaction(?![\w.-])/.test(code.slice(at));
}
