import { type ParseArgsConfig, parseArgs } from 'node:util';
import { nearestName } from '../runtime/nearest.ts';

/** The command line is wrong: the message says what to do. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

type Options = NonNullable<ParseArgsConfig['options']>;

/**
 * Reads the options and the words of a command.
 * @param words what is given besides options: `<session>` has to be, `[file]` may be
 * @throws {UsageError} with the nearest option of an unknown one
 */
export function parseArguments<const O extends Options>(
  args: readonly string[],
  options: O,
  words: readonly string[],
) {
  const config = { args: [...args], options, allowPositionals: true } as const;
  const { tokens } = parseArgs({ ...config, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind !== 'option' || Object.hasOwn(options, token.name)) continue;
    const near = nearestName(token.name, Object.keys(options));
    throw new UsageError(
      `there is no option ${token.rawName}${near === undefined ? '' : `: did you mean --${near}?`}`,
    );
  }
  const { values, positionals } = parseStrictly(() => parseArgs(config));
  const missing = words.slice(positionals.length).find(word => !word.startsWith('['));
  if (missing !== undefined) throw new UsageError(`${missing} is missing`);
  const surplus = positionals[words.length];
  if (surplus !== undefined)
    throw new UsageError(`"${surplus}" is one word too many: put what holds blanks in quotes`);
  return { values, positionals };
}

function parseStrictly<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_'))
      throw new UsageError(error.message, { cause: error });
    throw error;
  }
}
