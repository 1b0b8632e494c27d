import * as v from 'valibot';

/**
 * Holds, below a destination, everything of its sessions but their archives: readers of archives take every other
 * object that they find for one.
 */
export const SESSIONS_FOLDER = '.sessions';

/** Where earlier versions put archives. */
export const DEFAULT_KEY = '[turk/{experiment}/]{timestamp}';

/** What a template can name. */
export interface KeyNames {
  /** The name that the session has claimed. */
  readonly timestamp: string;
  /** undefined: it is not known, and what stands in its brackets drops out. */
  readonly experiment: string | undefined;
}

const BRACKET = /\[([^[\]]*)\]/g;
const PLACEHOLDER = /\{([^{}]*)\}/g;

/** The folder of an archive's key. @param template one without a fault */
export function renderKey(template: string, { timestamp, experiment }: KeyNames): string {
  const sections = template.replace(BRACKET, (_, inner: string) => (experiment === undefined ? '' : inner));
  const values: Readonly<Record<string, string | undefined>> = { timestamp, experiment };
  return sections.replace(PLACEHOLDER, (_, name: string) => values[name] ?? '');
}

/** Whether a text can be the id of a crowd-sourcing experiment: one part of a key. */
export function isExperimentId(text: string): boolean {
  return /^[A-Za-z0-9._-]{1,128}$/.test(text) && !['.', '..', SESSIONS_FOLDER].includes(text);
}

export const EXPERIMENT_RULE = 'no id of 1 to 128 characters of A-Z, a-z, 0-9, ".", "_" and "-"';

const EXAMPLE = `write one such as ${DEFAULT_KEY}`;
/** Of the 1,024 that a key may have; the destination's prefix and the archive's name come with it. */
const MAX_BYTES = 700;
const LONGEST = { timestamp: 'x'.repeat(250), experiment: 'x'.repeat(128) };

/** What is wrong with a template, as the end of a sentence that begins with it; undefined: nothing. */
function faultOf(template: string): string | undefined {
  const outside = template.replace(BRACKET, '');
  if (/[[\]]/.test(outside)) return `has a bracket that is not closed, or inside another: ${EXAMPLE}`;
  if (/[{}]/.test(template.replace(PLACEHOLDER, ''))) return `has a brace that is not closed: ${EXAMPLE}`;
  const unknown = namesIn(template).find(name => !(name in LONGEST));
  if (unknown !== undefined) return `names {${unknown}}: only {timestamp} and {experiment} are known`;
  if (!namesIn(outside).includes('timestamp'))
    return `has no {timestamp} outside its brackets, so that sessions would meet at one key: ${EXAMPLE}`;
  if (namesIn(outside).includes('experiment'))
    return `has {experiment} outside brackets, though not every session has one: ${EXAMPLE}`;
  if (Array.from(template.matchAll(BRACKET)).some(([bracket]) => !namesIn(bracket).includes('experiment')))
    return `has a bracket that does not name {experiment}, and would never drop out: ${EXAMPLE}`;
  return faultOfParts(template);
}

function faultOfParts(template: string): string | undefined {
  if (/[\p{Cc}\\]/u.test(template)) return `holds a backslash or a control character: ${EXAMPLE}`;
  const keys = [LONGEST, { ...LONGEST, experiment: undefined }].map(names => renderKey(template, names));
  const parts = keys.flatMap(key => key.split('/'));
  if (parts.includes('')) return `has an empty part: leave out "/" at its ends, and one of two in a row`;
  // "..", and the folder of everything that is no archive.
  if (parts.some(part => part.startsWith('.')))
    return `has a part that begins with ".": ${SESSIONS_FOLDER} and ".." cannot hold archives`;
  if (keys.some(key => Buffer.byteLength(key) > MAX_BYTES))
    return 'is too long for a key: write a shorter one';
  return undefined;
}

function namesIn(template: string): string[] {
  return Array.from(template.matchAll(PLACEHOLDER), ([, name = '']) => name);
}

/** A template of an archive's key, as it is written. */
export const keyTemplate = v.pipe(
  v.string(),
  v.trim(),
  v.check(
    template => faultOf(template) === undefined,
    ({ input }) => faultOf(input) ?? '',
  ),
);

export const experimentId = v.pipe(
  v.string(),
  v.trim(),
  v.check(isExperimentId, `is ${EXPERIMENT_RULE}: write the experiment's, or leave it out`),
);
