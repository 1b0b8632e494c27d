/** Markup, escaped already. */
export interface Html {
  readonly html: string;
}

type Content = Html | string | number | undefined | false | readonly Content[];

/** Joins markup and texts. Texts are escaped, for elements and for quoted attributes. */
export function html(literals: TemplateStringsArray, ...contents: readonly Content[]): Html {
  const parts = literals.map(
    (literal, index) => literal + (index < contents.length ? show(contents[index]) : ''),
  );
  return { html: parts.join('') };
}

function show(content: Content): string {
  if (content === undefined || content === false) return '';
  if (typeof content === 'object') return 'html' in content ? content.html : content.map(show).join('');
  return escapeText(String(content));
}

function escapeText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
