import { styleText } from 'node:util';
import type { CommandInput } from './command.ts';

type Style = Parameters<typeof styleText>[0];

/** What whoever reads stdout can see. */
export interface Terminal {
  /** How many characters a line has; undefined: nobody watches, and lines may be of any length. */
  readonly columns: number | undefined;
  /** Colours are for terminals, where NO_COLOR does not forbid them. https://no-color.org */
  style(style: Style, text: string): string;
  /** A text that leads to a URL, percent-encoded, when it is clicked; elsewhere the text alone. */
  hyperlink(text: string, url: string | undefined): string;
}

/** @param columns of the terminal, if it is one */
export function terminalOf(
  { terminal, env }: Pick<CommandInput, 'terminal' | 'env'>,
  columns: number | undefined = process.stdout.columns,
): Terminal {
  const hasColour = terminal && !env.NO_COLOR && env.TERM !== 'dumb';
  return {
    columns: terminal ? columns : undefined,
    style: (style, text) => (hasColour ? styleText(style, text, { validateStream: false }) : text),
    // OSC 8. https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda
    hyperlink: (text, url) =>
      terminal && env.TERM !== 'dumb' && url !== undefined
        ? `\x1b]8;;${url}\x1b\\${text}\x1b]8;;\x1b\\`
        : text,
  };
}
