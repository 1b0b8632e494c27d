import { StringDecoder } from 'node:string_decoder';
import { stripVTControlCharacters } from 'node:util';

/** Of a line that is shown: what is beyond is cut. */
const MAX_LINE = 500;

/** Cuts bytes into lines of text, which may hold anything; of a line that never ends no more is kept than is shown. */
export function createLineReader() {
  let decoder = new StringDecoder('utf8');
  let open = '';

  return {
    /** @returns the lines that are complete now */
    push(bytes: Buffer): string[] {
      const parts = decoder.write(bytes).split('\n');
      const last = parts.pop() ?? '';
      const lines = parts.map((part, index) => shown(index === 0 ? open + part : part));
      open = (parts.length === 0 ? open + last : last).slice(0, 2 * MAX_LINE);
      return lines;
    },
    /** What comes now does not follow. @returns the line that was begun */
    cut(): string[] {
      const begun = open === '' ? [] : [shown(open)];
      decoder = new StringDecoder('utf8');
      open = '';
      return begun;
    },
  };
}

/** Without colours and other control characters: of a browser they are nothing, or nonsense. */
function shown(line: string): string {
  const text = stripVTControlCharacters(line.slice(0, 2 * MAX_LINE))
    .replaceAll('\t', '  ')
    .replaceAll(/\p{Cc}/gu, '');
  return text.length > MAX_LINE ? `${text.slice(0, MAX_LINE)}…` : text;
}
