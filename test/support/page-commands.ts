import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

/** What a page has one type, block after block. @param section the heading above the blocks; default: all of the page */
export function commandsOf(page: string, section?: string): string {
  return blocksOf('sh', page, section).join('');
}

/** What a page has one ask a database, in its blocks of SQL. */
export function queriesOf(page: string, section: string): readonly string[] {
  return blocksOf('sql', page, section);
}

/** The fenced blocks of a language, in their order. */
export function blocksOf(language: 'sh' | 'sql', page: string, section?: string): string[] {
  const text = readFileSync(resolve(ROOT, page), 'utf8');
  const part = section === undefined ? text : sectionOf(text, section);
  const blocks = part.matchAll(/^```(\w+)\n(.*?)^```$/gms);
  return [...blocks].flatMap(([, kind, block = '']) => (kind === language ? [block] : []));
}

/** @throws when there is no such heading */
function sectionOf(text: string, heading: string): string {
  const start = text.indexOf(`\n${heading}\n`);
  if (start === -1) throw new Error(`there is no "${heading}"`);
  const depth = heading.indexOf(' ');
  const rest = text.slice(start + 1 + heading.length);
  const end = rest.search(new RegExp(`^#{1,${depth}} `, 'm'));
  return end === -1 ? rest : rest.slice(0, end);
}
