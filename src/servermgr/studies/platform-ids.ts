import * as v from 'valibot';

/** What is wrong with a link is a sentence for whoever has followed it. */
export type PlatformIds<Name extends string> =
  | { readonly kind: 'ok'; readonly ids: Readonly<Record<Name, string>> }
  | { readonly kind: 'bad'; readonly why: string };

/** No platform documents a length. */
const Id = v.pipe(v.string(), v.regex(/^[A-Za-z0-9]{1,64}$/));

/**
 * The ids that a platform has put into a study's address.
 * @param query as it came with the request: a parameter that is given twice is a list
 * @param names of the parameters
 */
export function readPlatformIds<const Name extends string>(
  query: unknown,
  names: readonly Name[],
  platform: string,
): PlatformIds<Name> {
  const parameters = names.map(name => [name, queryParameter(query, name)] as const);
  for (const [name, given] of parameters) {
    const fault = faultOf(name, given);
    if (fault === undefined) continue;
    return {
      kind: 'bad',
      why:
        `The link ${fault}. Please open the study from ${platform} once more. ` +
        'If that does not help, tell the researchers what you read here.',
    };
  }
  return { kind: 'ok', ids: Object.fromEntries(parameters) as Record<Name, string> };
}

/** A parameter of a query, whatever it is; a blank one is as good as missing. */
export function queryParameter(query: unknown, name: string): unknown {
  if (typeof query !== 'object' || query === null) return undefined;
  const value: unknown = Object.getOwnPropertyDescriptor(query, name)?.value;
  return value === '' ? undefined : value;
}

/** What is wrong with the link, as the end of a sentence; undefined: it is an id. */
function faultOf(name: string, given: unknown): string | undefined {
  if (given === undefined) return `lacks ${name}`;
  if (Array.isArray(given)) return `has ${name} more than once`;
  if (v.is(Id, given)) return undefined;
  // As researchers write it, `{{%STUDY_ID%}}`, or what is left of it.
  const isPlaceholder = typeof given === 'string' && /\{\{|\}\}|^%.*%$/.test(given);
  return isPlaceholder ? `still has a placeholder in place of ${name}` : `has a ${name} that cannot be right`;
}
