import MarkdownIt, { type Token } from 'markdown-it';
import sanitizeHtml from 'sanitize-html';
import type { Html } from '../web/html.ts';

/** The page has an h1 of its own. */
const TOP_LEVEL = 2;
const LOWEST_LEVEL = 6;

const markdown = new MarkdownIt('default', { html: false });

// Their words are shown in their place.
markdown.renderer.rules.image = (tokens, index, options, env, renderer) =>
  markdown.utils.escapeHtml(renderer.renderInlineAsText(tokens[index]?.children ?? [], options, env));

// Whatever level a text begins with, it is the one below the page's own.
markdown.core.ruler.push('heading levels', ({ tokens }) => {
  const headings = tokens.filter(({ type }) => type === 'heading_open' || type === 'heading_close');
  const levels = headings.map(({ tag }) => Number(tag.slice(1)));
  const shift = TOP_LEVEL - Math.min(...levels);
  for (const [index, heading] of headings.entries())
    heading.tag = `h${Math.min((levels[index] ?? TOP_LEVEL) + shift, LOWEST_LEVEL)}`;
});

// Links lead away from the study in a tab of their own.
markdown.core.ruler.push('links', ({ tokens }) => {
  for (const token of tokens) if (token.children) token.children = withSafeLinks(token.children);
});

/** What may not be a link is its words alone. */
function withSafeLinks(tokens: readonly Token[]): Token[] {
  // Links are not inside one another.
  let isLink = true;
  return tokens.filter(token => {
    if (token.type === 'link_open') {
      const href = String(token.attrGet('href'));
      isLink = /^(?:https:\/\/|mailto:)/i.test(href);
      token.attrs = Object.entries({ href, rel: 'noreferrer noopener', target: '_blank' });
    }
    return isLink || !/^link_(?:open|close)$/.test(token.type);
  });
}

/** A second line behind markdown-it, which makes nothing else. */
const ALLOWED: sanitizeHtml.IOptions = {
  allowedTags: [
    ...['h2', 'h3', 'h4', 'h5', 'h6', 'p', 'br', 'hr', 'blockquote', 'ul', 'ol', 'li'],
    ...['a', 'strong', 'em', 's', 'code', 'pre', 'table', 'thead', 'tbody', 'tr', 'th', 'td'],
  ],
  allowedAttributes: { a: ['href', 'rel', 'target'], ol: ['start'] },
  allowedSchemes: ['https', 'mailto'],
  allowProtocolRelative: false,
};

/**
 * Markup of what researchers have written in Markdown (CommonMark, tables and strikethrough). There is no HTML of
 * theirs in it, and no image, class or id.
 */
export function renderMarkdown(text: string): Html {
  return { html: sanitizeHtml(markdown.render(text), ALLOWED) };
}
