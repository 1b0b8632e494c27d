import { readFileSync, writeFileSync } from 'node:fs';

/** Puts tables between the marks of a page's section. @throws where the page has none */
export function fillPage(path: string, section: string, tables: readonly string[]): void {
  const page = readFileSync(path, 'utf8');
  const [begin, end] = [`<!-- ${section} -->\n`, `<!-- /${section} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} has no ${begin.trim()} … ${end}`);
  writeFileSync(path, `${page.slice(0, from)}${begin}\n${tables.join('\n')}\n${page.slice(to)}`);
}
