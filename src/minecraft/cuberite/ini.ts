/*
 * INI documents as Cuberite reads them (its src/IniFile.cpp): sections and keys match regardless of case (ASCII), a
 * section may be split into several parts, keys may repeat, spaces belong to a key but not to a value, and the first of
 * `[`, `=`, `;` and `#` in a line determines its kind. Bytes outside of changed lines stay as they are.
 */
export interface Ini {
  readonly lines: readonly Line[];
}

interface Line {
  /** Bytes as latin1 characters, without the line's ending. */
  readonly text: string;
  /** The line ending; empty where the file ends without one. */
  readonly end: string;
  /** The section that the line belongs to; empty before the first. */
  readonly section: string;
  readonly entry: Entry | undefined;
  readonly isHeader: boolean;
}

/** One `key=value` line. */
export interface Entry {
  readonly key: string;
  readonly value: string;
}

export function parseIni(bytes: Buffer): Ini {
  const lines: Line[] = [];
  let section = '';
  for (const [whole] of bytes.toString('latin1').matchAll(/[^\n]*\n|[^\n]+$/g)) {
    const text = whole.replace(/\r?\n$/, '');
    const line = readLine(text, whole.slice(text.length), section, lines.length === 0);
    section = line.section;
    lines.push(line);
  }
  return { lines };
}

/** The document's bytes: those that were parsed, with the changed lines replaced. */
export function serialiseIni(ini: Ini): Buffer {
  return Buffer.from(ini.lines.map(line => line.text + line.end).join(''), 'latin1');
}

/** A section's entries, in order. */
export function entriesIn(ini: Ini, section: string): Entry[] {
  return ini.lines.flatMap(line => (line.entry && same(line.section, section) ? [line.entry] : []));
}

/** The value that Cuberite reads: the first, where the key repeats. */
export function valueIn(ini: Ini, section: string, key: string): string | undefined {
  return entriesIn(ini, section).find(entry => same(entry.key, key))?.value;
}

/** Sets the value of a key: its first line is changed in place, further ones are removed, a missing one is added. */
export function setValue(ini: Ini, section: string, key: string, value: string): Ini {
  const matches = (line: Line) =>
    line.entry !== undefined && same(line.section, section) && same(line.entry.key, key);
  const first = ini.lines.find(matches);
  if (first === undefined) return addEntry(ini, section, key, value);
  const lines = ini.lines.filter(line => line === first || !matches(line));
  if (first.entry?.key === key && first.entry.value === value) return { lines };
  const changed = entryLine(first.section, first.end, key, value);
  return { lines: lines.map(line => (line === first ? changed : line)) };
}

/** Adds a line after the section's last entry, even if it has the key already; adds the section if it is missing. */
export function addEntry(ini: Ini, section: string, key: string, value: string): Ini {
  const known = ensureSection(ini, section);
  const at = known.lines.findLastIndex(
    line => same(line.section, section) && (line.isHeader || line.entry !== undefined),
  );
  return insert(known, at + 1, end => entryLine(known.lines[at]?.section ?? section, end, key, value));
}

/** Removes the entries of a section that match. */
export function removeEntries(ini: Ini, section: string, matches: (entry: Entry) => boolean): Ini {
  return {
    lines: ini.lines.filter(line => !(line.entry && same(line.section, section) && matches(line.entry))),
  };
}

/** Adds a section at the end, after an empty line, if it is missing. */
export function ensureSection(ini: Ini, section: string): Ini {
  if (section === '' || ini.lines.some(line => line.isHeader && same(line.section, section))) return ini;
  const last = ini.lines.at(-1);
  const spaced =
    last === undefined || last.text === ''
      ? ini
      : insert(ini, ini.lines.length, end => readLine('', end, last.section));
  return insert(spaced, spaced.lines.length, end => readLine(`[${toBytes(section)}]`, end, ''));
}

/** Whether Cuberite treats two names as the same: ASCII letters match regardless of case. */
export function same(a: string, b: string): boolean {
  return foldCase(a) === foldCase(b);
}

function foldCase(name: string): string {
  return name.replace(/[A-Z]/g, letter => letter.toLowerCase());
}

/** @param isFirst Cuberite skips a byte order mark at the start of the file */
function readLine(text: string, end: string, section: string, isFirst = false): Line {
  const read = isFirst ? text.replace(/^\xef\xbb\xbf/, '') : text;
  const at = read.search(/[;#[=]/);
  const close = read.lastIndexOf(']');
  if (read[at] === '[' && close > at) {
    return { text, end, section: toText(read.slice(at + 1, close)), entry: undefined, isHeader: true };
  }
  const entry =
    read[at] === '='
      ? { key: toText(read.slice(0, at)), value: toText(trim(read.slice(at + 1))).replaceAll('\\n', '\n') }
      : undefined;
  return { text, end, section, entry, isHeader: false };
}

function entryLine(section: string, end: string, key: string, value: string): Line {
  return readLine(toBytes(`${key}=${value.replaceAll('\n', '\\n')}`), end, section);
}

/** Inserts a line that ends as its neighbours do; a file without a line ending at its end stays so. */
function insert(ini: Ini, at: number, make: (end: string) => Line): Ini {
  const before = ini.lines[at - 1];
  const usual = before?.end || ini.lines[0]?.end || '\n';
  if (before === undefined || before.end !== '') return { lines: ini.lines.toSpliced(at, 0, make(usual)) };
  return { lines: ini.lines.toSpliced(at - 1, 1, { ...before, end: usual }, make('')) };
}

/** Cuberite trims all characters below `!` in ASCII: spaces and control characters. */
function trim(text: string): string {
  return text.replace(/^[^!-\xff]+|[^!-\xff]+$/g, '');
}

function toText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function toBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
