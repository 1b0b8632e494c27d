type Content = string | number | boolean | readonly Xml[];

/** One element: its name and what is in it. */
export type Xml = readonly [name: string, content: Content];

/** A document as S3 answers it. */
export function document(root: Xml): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element(root)}`;
}

/** The texts of all elements of that name, however deep. Enough for the flat requests that S3 takes. */
export function textsOf(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}(?: [^>]*)?>([^]*?)</${name}>`, 'g'))].map(match =>
    decodeEntities(match[1] ?? ''),
  );
}

function element([name, content]: Xml): string {
  const inner = Array.isArray(content) ? content.map(element).join('') : encodeEntities(String(content));
  return `<${name}>${inner}</${name}>`;
}

function encodeEntities(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\r', '&#13;');
}

function decodeEntities(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#34;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&apos;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}
