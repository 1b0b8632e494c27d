/** Anything that JSON can hold. */
export type Json =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly Json[]
  | { readonly [name: string]: Json };

/**
 * What turns one description into another: a line for each value, `-` for what goes and `+` for what comes.
 * Lists whose members have a name are compared by it, in whatever order. What only the present one has and is empty
 * has been added by the service, and is no difference.
 */
export function difference(present: Json, wanted: Json): string[] {
  const [before, after] = [flatten(present), flatten(wanted)];
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths.flatMap(path => {
    const [old, now] = [before.get(path), after.get(path)];
    if (old === now || (now === undefined && isEmpty(old))) return [];
    return [
      ...(old === undefined ? [] : [`- ${path} = ${old}`]),
      ...(now === undefined ? [] : [`+ ${path} = ${now}`]),
    ];
  });
}

/** Every value by the path to it, as JSON. */
function flatten(value: Json, path = ''): Map<string, string> {
  if (value === undefined) return new Map();
  const entries = entriesOf(value);
  if (entries === undefined || entries.length === 0) return new Map([[path, JSON.stringify(value)]]);
  return new Map(
    entries.flatMap(([key, inner]) => [...flatten(inner, path === '' ? key : `${path}.${key}`)]),
  );
}

function entriesOf(value: Json): [string, Json][] | undefined {
  if (isList(value)) return value.map((member, index) => [nameOf(member) ?? `${index}`, member]);
  return typeof value === 'object' && value !== null ? Object.entries(value) : undefined;
}

const NAMES = ['name', 'containerPort', 'namespace'];

function nameOf(member: Json): string | undefined {
  if (typeof member !== 'object' || member === null || isList(member)) return undefined;
  const name = NAMES.map(key => member[key]).find(value => value !== undefined);
  return name === undefined ? undefined : String(name);
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isEmpty(json: string | undefined): boolean {
  return json === '[]' || json === '{}' || json === '0' || json === 'false' || json === '""';
}
