import * as v from 'valibot';
import { nearestName } from '../runtime/nearest.ts';
import type { Environment } from './session-config.ts';

/**
 * A variable of the environment: how its text becomes a value, what holds without it, and what help says of it.
 * Parsing, `--help`, `config` and the tables in docs/ are made of these.
 */
export interface Variable<Value = unknown, Case extends string = string> {
  /** From the text to the value. The message of an issue completes the sentence `NAME "text" …`, remedy included. */
  readonly schema: v.GenericSchema<string, Value>;
  /** What holds when it is not set, as a user would write it: the usual text, and others by case. */
  readonly defaults: Readonly<Record<Case, string | undefined>>;
  /** What help says in place of a default. */
  readonly defaultWords: string | undefined;
  readonly description: string;
  /** An empty text is a value, not the same as none. */
  readonly acceptsEmpty: boolean;
  /** Quotes around the whole text may be meant. */
  readonly acceptsQuotes: boolean;
  /** Never shown. */
  readonly secret: boolean;
  valueWhenUnset(which: Case): Value;
}

interface DefaultedVariable<Value, Case extends string> extends Variable<Value, Case> {
  readonly defaults: Readonly<Record<Case, string>>;
}

type VariableTable = Readonly<Record<string, Variable>>;

/** Tables by their titles, in the order of help. */
export type VariableGroups = Readonly<Record<string, VariableTable>>;

type Options = Partial<Pick<Variable, 'acceptsEmpty' | 'acceptsQuotes' | 'secret'>>;

/** A variable with a default. */
export function variable<Value>(
  schema: v.GenericSchema<string, Value>,
  usual: string,
  description: string,
  options: Options = {},
): DefaultedVariable<Value, 'usual'> {
  return variableByCase(schema, { usual }, description, options);
}

/** A variable whose default depends on something: its cases complete a sentence, e.g. `off; 15m for Cuberite`. */
export function variableByCase<Value, Case extends string>(
  schema: v.GenericSchema<string, Value>,
  defaults: Readonly<Record<Case, string>>,
  description: string,
  options: Options = {},
): DefaultedVariable<Value, Case> {
  const valueWhenUnset = (which: Case) => v.parse(schema, defaults[which]);
  return { ...withOptions(options), schema, defaults, defaultWords: undefined, description, valueWhenUnset };
}

/** A variable that has no value unless it is set; the words say what holds then. */
export function optional<Value>(
  schema: v.GenericSchema<string, Value>,
  defaultWords: string,
  description: string,
  options: Options = {},
): Variable<Value | undefined, 'usual'> {
  const defaults = { usual: undefined };
  return {
    ...withOptions(options),
    schema,
    defaults,
    defaultWords,
    description,
    valueWhenUnset: () => undefined,
  };
}

/** A secret may begin and end with any character. */
function withOptions({ acceptsEmpty = false, secret = false, acceptsQuotes = secret }: Options) {
  return { acceptsEmpty, acceptsQuotes, secret };
}

/** A variable that is on when it is set to anything; to what looks like nothing, it might be meant either way. */
export function flag(description: string): DefaultedVariable<boolean, 'usual'> {
  const schema = v.pipe(
    v.string(),
    v.check(
      text => text === '' || /[^\s"']/.test(text),
      'looks like nothing, and would count as set: write 1, or leave it empty',
    ),
    v.transform(text => text !== ''),
  );
  return variable(schema, '', `non-empty: ${description}`, { acceptsEmpty: true, acceptsQuotes: true });
}

/** What help says of a variable's default. @param quote marks texts that can be written as they are. */
export function describeDefault(
  { defaults, defaultWords }: Variable,
  quote: (text: string) => string = text => text,
): string {
  const texts = Object.entries(defaults).map(([which, text = '']) => {
    const value = text === '' ? 'empty' : quote(text);
    return which === 'usual' ? value : `${value} ${which}`;
  });
  return defaultWords ?? texts.join('; ');
}

/** The lines of help about variables, 100 characters wide. */
export function variablesHelp(groups: VariableGroups): string[] {
  return Object.entries(groups).flatMap(([title, variables]) => [
    ...['', `${title}:`],
    ...Object.entries(variables).flatMap(([name, variable]) => [
      ...['', `  ${name}`],
      ...wrap(`${variable.description} (${describeDefault(variable)})`),
    ]),
  ]);
}

function wrap(text: string): string[] {
  return text.match(/.{1,94}(?:\s|$)|\S+/g)?.map(line => `      ${line.trimEnd()}`) ?? [];
}

type CaseOf<V extends Variable> = keyof V['defaults'] & string;

/** Which of the defaults holds: to be said where there are several. */
type Which<V extends Variable> = [Exclude<CaseOf<V>, 'usual'>] extends [never] ? [] : [CaseOf<V>];

/** Variables by their names, each with a type of its own. */
type Typed<Table> = { readonly [Name in keyof Table]: Variable };

export type VariableReader<Table extends Typed<Table>> = ReturnType<typeof readVariables<Table>>;

/**
 * Reads variables out of the environment one by one, and collects every fault on the way: whoever has read all that
 * applies throws a ConfigError if there are any.
 */
export function readVariables<Table extends Typed<Table>>(table: Table, env: Environment) {
  const faults: string[] = [];
  const given = (name: keyof Table & string): string | undefined => {
    const text = env[name];
    // Containers hand on variables that were never filled in: empty is as good as not set.
    return table[name].acceptsEmpty || text?.trim() || text?.includes('\r') ? text : undefined;
  };

  return {
    faults,
    isSet: (name: keyof Table & string) => given(name) !== undefined,
    /** The text in force: the one given, else the default, else nothing. */
    text: <Name extends keyof Table & string>(name: Name, ...[which = 'usual']: Which<Table[Name]>) =>
      given(name) ?? table[name].defaults[which] ?? '',
    /** The value in force. After a fault it is the default's, so that reading can go on. */
    read<Name extends keyof Table & string>(
      name: Name,
      ...[which = 'usual']: Which<Table[Name]>
    ): v.InferOutput<Table[Name]['schema']> | ReturnType<Table[Name]['valueWhenUnset']> {
      const { schema, secret, acceptsQuotes, valueWhenUnset } = table[name];
      const text = given(name);
      if (text === undefined) return valueWhenUnset(which);
      const fault = (message: string) => {
        faults.push(`${name} ${secret ? '"********"' : JSON.stringify(text)} ${message}`);
        return valueWhenUnset(which);
      };
      const remains = remainsOfFile(text, acceptsQuotes);
      if (remains !== undefined) return fault(remains);
      const result = v.safeParse(schema, text, { abortPipeEarly: true });
      return result.success ? result.output : fault(result.issues[0].message);
    },
  };
}

/** What is in a value only because whoever read a file of variables left it there: `docker --env-file`, for one. */
function remainsOfFile(text: string, acceptsQuotes: boolean): string | undefined {
  const trimmed = text.trim();
  if (text.slice(text.trimEnd().length).includes('\r')) {
    return 'ends in a carriage return: end the lines of the file that it comes from with line feeds alone';
  }
  const isQuoted = trimmed.length > 1 && /^["']/.test(trimmed) && trimmed.endsWith(trimmed.charAt(0));
  return isQuoted && !acceptsQuotes ? 'is still in its quotes: write it without them' : undefined;
}

/** A configuration in force. */
export interface Parsed<Config> {
  readonly config: Config;
  /** Logged once at the start: odd, but no reason not to start. */
  readonly notices: readonly string[];
}

/** Every fault of the configuration at once, each with its remedy. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`the configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}`);
    this.faults = faults;
  }

  /** For people: every fault, and the command that explains the variables. */
  describe(help: string): string {
    const faults = this.faults.map(fault => `  ${fault}`);
    return [`${this.message}:`, ...faults, `Nothing was started. \`${help}\` explains every variable.`].join(
      '\n',
    );
  }
}

/** A notice for each name that is not known, with the nearest that is. */
export function unknownVariables(given: readonly string[], known: VariableTable): string[] {
  const names = Object.keys(known);
  return [...new Set(given)]
    .filter(name => !names.includes(name))
    .map(name => {
      const near = nearestName(name, names);
      const hint = near === undefined ? ': see --help' : `: did you mean ${near}?`;
      return `${name} is not a known variable${hint}`;
    });
}

/** Freezes a value and all that it holds. */
export function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value))
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  return Object.freeze(value);
}
