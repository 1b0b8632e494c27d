import * as v from 'valibot';

const MAX_LABELS = 20;
const NAME = /^[a-z][a-z0-9_]{0,39}$/;
const TEXT = /^\P{Cc}{0,256}$/u;

/** valibot leaves them out of a record, whoever reads one. */
const RESERVED: readonly string[] = ['constructor', 'prototype'];

const REMEDY = 'write {"participant": "P-17", "group": "b"}';

/**
 * What whoever launches a session says of it, as a JSON object of texts. A message tells a label's name, and never its
 * text: that may name a person.
 */
export const labels = v.pipe(
  v.string(),
  v.parseJson(undefined, `is not JSON: ${REMEDY}`),
  v.rawTransform<unknown, Readonly<Record<string, string>>>(({ dataset, addIssue, NEVER }) => {
    const message = faultOf(dataset.value);
    if (message !== undefined) addIssue({ message });
    return message === undefined ? (dataset.value as Record<string, string>) : NEVER;
  }),
);

function faultOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return `is not a JSON object: ${REMEDY}`;
  const entries = Object.entries(value);
  if (entries.length > MAX_LABELS)
    return `has ${entries.length} labels, and ${MAX_LABELS} are the most: leave some out`;
  return entries.map(([name, text]) => labelFault(name, text)).find(fault => fault !== undefined);
}

function labelFault(name: string, text: unknown): string | undefined {
  const label = `has a label ${JSON.stringify(name)}`;
  if (!NAME.test(name)) return `${label}: a name is 1 to 40 of a-z, 0-9 and "_", a letter first`;
  if (RESERVED.includes(name)) return `${label}, which no label can be named: take another name`;
  if (typeof text !== 'string') return `${label} that is no text: write it in double quotes`;
  return TEXT.test(text)
    ? undefined
    : `${label} that is no line of up to 256 characters: shorten it, and leave control characters out`;
}
