import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** What Cuberite keeps of an INI file: src/IniFile.cpp, told again in few words. */
export interface IniFile {
  readonly header: string[];
  readonly sections: Section[];
}

interface Section {
  readonly name: string;
  readonly comments: string[];
  entries: [key: string, value: string][];
}

export function readIniFile(path: string): IniFile {
  const ini: IniFile = { header: [], sections: [] };
  let current = '';
  for (const line of existsSync(path) ? readFileSync(path, 'latin1').split(/\r?\n/) : []) {
    const at = line.search(/[;#[=]/);
    if (line[at] === '[' && line.lastIndexOf(']') > at) {
      current = line.slice(at + 1, line.lastIndexOf(']'));
      ini.sections.push({ name: current, comments: [], entries: [] });
    } else if (line[at] === '=') {
      section(ini, current).entries.push([line.slice(0, at), line.slice(at + 1).trim()]);
    } else if (at !== -1) {
      (ini.sections.length === 0 ? ini.header : section(ini, current).comments).push(line.slice(at + 1));
    }
  }
  return ini;
}

/** Writes the file as Cuberite does at every start: comments move, empty lines are its own, lines end with CRLF. */
export function writeIniFile(path: string, { header, sections }: IniFile): void {
  const lines = header.map(comment => `;${comment}`);
  if (header.length > 0) lines.push('');
  for (const { name, comments, entries } of sections) {
    lines.push(`[${name}]`, ...comments.map(comment => `;${comment}`));
    lines.push(...entries.map(([key, value]) => `${key}=${value}`), '');
  }
  writeFileSync(path, lines.map(line => `${line}\r\n`).join(''), 'latin1');
}

/** A section, found regardless of case; made when it is missing. */
export function section(ini: IniFile, name: string): Section {
  const found = ini.sections.find(one => isSame(one.name, name));
  if (found !== undefined) return found;
  const made = { name, comments: [], entries: [] };
  ini.sections.push(made);
  return made;
}

/** A key's first value; where there is none, the file gets the default, as Cuberite's GetValueSet does. */
export function valueSet(ini: IniFile, name: string, key: string, byDefault: string): string {
  const { entries } = section(ini, name);
  const found = entries.find(([other]) => isSame(other, key));
  if (found === undefined) entries.push([key, byDefault]);
  return found?.[1] ?? byDefault;
}

export function isSame(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
