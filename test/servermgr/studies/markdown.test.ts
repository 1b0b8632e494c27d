import fc from 'fast-check';
import { expect, test } from 'vitest';
import { renderMarkdown } from '../../../src/servermgr/studies/markdown.ts';

const render = (text: string) => renderMarkdown(text).html.trim();

test.each([
  ['# Consent', '<h2>Consent</h2>'],
  ['# One\n## Two\n###### Six', '<h2>One</h2>\n<h3>Two</h3>\n<h6>Six</h6>'],
  ['### Three\n#### Four', '<h2>Three</h2>\n<h3>Four</h3>'],
  ['Title\n===', '<h2>Title</h2>'],
  ['a **b** _c_ ~~d~~ `e`', '<p>a <strong>b</strong> <em>c</em> <s>d</s> <code>e</code></p>'],
  ['1. a\n2. b', '<ol>\n<li>a</li>\n<li>b</li>\n</ol>'],
  ['3. c', '<ol start="3">\n<li>c</li>\n</ol>'],
  ['> a', '<blockquote>\n<p>a</p>\n</blockquote>'],
  ['```js\na < b\n```', '<pre><code>a &lt; b\n</code></pre>'],
  [
    '| a | b |\n|:--|--:|\n| c | d |',
    '<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>c</td>\n<td>d</td>\n</tr>\n</tbody>\n</table>',
  ],
  [
    '[site](https://example.org/?a=1&b=2 "title")',
    '<p><a href="https://example.org/?a=1&amp;b=2" rel="noreferrer noopener" target="_blank">site</a></p>',
  ],
  [
    '<lab@example.org>',
    '<p><a href="mailto:lab@example.org" rel="noreferrer noopener" target="_blank">lab@example.org</a></p>',
  ],
  ['', ''],
])('%j', (text, html) => {
  expect(render(text)).toBe(html);
});

test.each([
  ['[a](http://example.org)', '<p>a</p>'],
  ['[a](ftp://example.org)', '<p>a</p>'],
  ['[a](/admin)', '<p>a</p>'],
  ['[a](//example.org)', '<p>a</p>'],
  ['[a](#top)', '<p>a</p>'],
  ['![the world](https://example.org/a.png)', '<p>the world</p>'],
  ['![<b>](https://example.org/a.png)', '<p>&lt;b&gt;</p>'],
  ['<b onclick="x()">a</b>', '<p>&lt;b onclick="x()"&gt;a&lt;/b&gt;</p>'],
  ['<script>x()</script>', '<p>&lt;script&gt;x()&lt;/script&gt;</p>'],
])('%j has its words, and nothing more', (text, html) => {
  expect(render(text)).toBe(html);
});

/** Every tag of the output, as it may be. A text has no bare angle. */
const TAG =
  /^<(?:\/?(?:h[2-6]|p|blockquote|[uo]l|li|strong|em|s|code|pre|table|thead|tbody|t[rhd])|[bh]r \/|\/a|ol start="\d+"|a href="(?:https:\/\/|mailto:)[^"<>]*" rel="noreferrer noopener" target="_blank")>$/i;

const HARM = [
  '<script> </script> <svg/onload=alert(1)> <a·href=" <img·src=x·onerror=alert(1)> <style> <!-- ·onclick=x·',
  'javascript:alert(1) JaVaScRiPt&colon;alert(1) java\tscript:x data:text/html,<script> vbscript:x &Tab; &NewLine;',
  'https://example.org mailto:a@b.c //example.org &#106;avascript: ·style=x· ·class=x· ·id=x· \u0000 & ; \\',
];
const MARKS = '[ ]( ) ![ ]: < > " \' ` ``` ~~~ ** __ ~~ | \n|--|\n \n\n #· -· 1.· >· ···· \n \r ·';

/** Texts that are made of what could do harm, of Markdown, and of anything. */
const part = fc.oneof(
  fc.constantFrom(
    ...[...HARM, MARKS].flatMap(line => line.split(' ')).map(text => text.replaceAll('·', ' ')),
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
const link = fc
  .tuple(part, fc.array(part, { maxLength: 4 }))
  .map(([label, target]) => `[${label}](${target.join('')})`);
const markdown = fc
  .array(fc.oneof({ weight: 4, arbitrary: part }, link), { maxLength: 25 })
  .map(parts => parts.join(''));

test('whatever is written, there is no script, handler, style or other address in it, and what it opens it closes', () => {
  fc.assert(
    fc.property(markdown, text => {
      const { html } = renderMarkdown(text);
      const open: string[] = [];
      for (const tag of html.match(/<[^>]*>?/g) ?? []) {
        expect(tag).toMatch(TAG);
        if (tag.startsWith('</')) expect(open.pop()).toBe(tag.slice(2, -1));
        else if (!tag.endsWith('/>')) open.push(/\w+/.exec(tag)?.[0] ?? '');
      }
      expect(open).toEqual([]);
    }),
    { numRuns: 2_000 },
  );
});
