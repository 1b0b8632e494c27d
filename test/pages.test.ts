import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, normalize, resolve } from 'node:path';
import MarkdownIt, { type Token } from 'markdown-it';
import { expect, test } from 'vitest';
import { SERVERMGR_VARIABLES } from '../src/config/servermgr-variables.ts';
import { SESSION_VARIABLES } from '../src/config/session-variables.ts';

const ROOT = resolve(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

const DOCS = readdirSync(join(ROOT, 'docs'))
  .filter(name => name.endsWith('.md'))
  .map(name => `docs/${name}`);
const PAGES = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...DOCS];

const MAX_README_LINES = 150;

/** Anchors are HTML. */
const markdown = new MarkdownIt({ html: true });

test.each(PAGES)('%s has links to pages, pictures and headings that there are', page => {
  const broken = linksOf(page).filter(({ path, anchor }) => {
    if (!existsSync(join(ROOT, path))) return true;
    return anchor !== '' && !anchorsOf(path).includes(anchor);
  });
  expect(broken).toEqual([]);
});

test('README.md is short, and leads to every page', () => {
  expect(read('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(MAX_README_LINES);
  const linked = linksOf('README.md').map(({ path }) => path);
  expect(PAGES.filter(page => page !== 'README.md' && !linked.includes(page))).toEqual([]);
});

test.each(DOCS)('%s says first for whom it is', page => {
  const [title, first] = read(page).split('\n\n');
  expect(title).toMatch(/^# .+$/);
  expect(first).toMatch(/^For \w/);
});

test.each(PAGES)('%s names variables that there are', page => {
  const known = [...Object.keys(SESSION_VARIABLES), ...Object.keys(SERVERMGR_VARIABLES), ...OTHERS];
  // An ellipsis stands for any.
  const named = read(page).matchAll(/\b(?:SESSION|SERVERMGR)_[A-Z0-9_]*[A-Z0-9](?![A-Z0-9_=]*…)/g);
  expect([...named].map(([name]) => name).filter(name => !known.includes(name))).toEqual([]);
});

/** Names that look like variables of ours: the tests' own, Prolific's, and two of the code. */
const OTHERS = ['SERVERMGR_SCREENSHOTS', 'SESSION_ID', 'SESSION_EVENTS', 'SERVERMGR_EVENTS'];

interface Link {
  /** In the project. */
  readonly path: string;
  /** Empty: the whole page. */
  readonly anchor: string;
}

/** The links of a page, and its pictures, that lead to files of the project. */
function linksOf(page: string): Link[] {
  return tokensOf(page).flatMap(token => {
    const url = String(token.attrGet('href') ?? token.attrGet('src') ?? '');
    if (url === '' || /^[a-z]+:/.test(url)) return [];
    const [path = '', anchor = ''] = decodeURI(url).split('#');
    return { path: path === '' ? page : normalize(join(page, '..', path)), anchor };
  });
}

/** As GitHub makes them of headings: https://github.com/Flet/github-slugger; and those that a page has itself. */
function anchorsOf(page: string): string[] {
  const slugs: string[] = [];
  const own: string[] = [];
  for (const [index, token] of tokensOf(page).entries()) {
    if (token.type === 'heading_open') {
      const words = tokensOf(page)[index + 1]?.content ?? '';
      const slug = words
        .toLowerCase()
        .replace(/[^\p{L}\p{N}_ -]/gu, '')
        .replaceAll(' ', '-');
      const before = slugs.filter(known => known === slug).length;
      slugs.push(slug);
      own.push(before === 0 ? slug : `${slug}-${before}`);
    }
    const [, id] = /^<a id="([^"]+)">$/.exec(token.type === 'html_inline' ? token.content : '') ?? [];
    if (id !== undefined) own.push(id);
  }
  return own;
}

/** All of them, in their order, those inside of a line behind it. */
function tokensOf(page: string): Token[] {
  return markdown.parse(read(page), {}).flatMap(token => [token, ...(token.children ?? [])]);
}
