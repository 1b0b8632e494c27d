import { dataBetween, lengthOf, type Span } from './holes.ts';
import { encodeTarHeader, headerBlock, type TarHeader, tarPadding } from './tar.ts';

/**
 * What comes before the content of a sparse file, in GNU's format 1.0, which GNU tar, bsdtar and Python restore with its
 * holes: the content are the spans between them, one after another, of which only the last may end in the middle of a
 * block. A reader that knows no sparse files takes the map for content.
 * https://www.gnu.org/software/tar/manual/html_section/Sparse-Formats.html
 */
export function encodeSparseHeader(header: TarHeader, holes: readonly Span[]): Buffer {
  const data = dataBetween(holes, 0, header.size);
  // An empty span at the end, as GNU tar writes it: the file may end with a hole.
  const spans = [...data, { offset: header.size, length: 0 }];
  const map = padded(
    [spans.length, ...spans.flatMap(({ offset, length }) => [offset, length]), ''].join('\n'),
  );
  const size = record('GNU.sparse.realsize', header.size);
  const records = record('GNU.sparse.major', 1) + record('GNU.sparse.minor', 0) + size;
  return Buffer.concat([
    headerBlock({ type: 'ExtendedHeader', path: 'PaxHeaders/sparse', size: records.length, mode: 0o644 }),
    padded(records),
    encodeTarHeader({ ...header, size: map.length + lengthOf(data) }),
    map,
  ]);
}

/** A pax record begins with its own length, the digits of that included: two, for these. */
function record(key: string, value: number): string {
  const rest = ` ${key}=${value}\n`;
  return `${rest.length + 2}${rest}`;
}

function padded(content: string): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([bytes, Buffer.alloc(tarPadding(bytes.length))]);
}
