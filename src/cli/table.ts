/** A column of a table for people. */
export interface Column<Row> {
  readonly title: string;
  /** What a row has in it: printable, on one line. */
  readonly cell: (row: Row) => string;
  readonly align?: 'right';
  /** Left out where the lines would be too long. */
  readonly isOptional?: boolean;
  /** To so many characters it may be cut where the lines are too long still. */
  readonly leastWidth?: number;
  /** Wraps a padded cell, e.g. in a colour. */
  readonly style?: (row: Row, text: string) => string;
}

const GAP = 2;

/**
 * Lines of a table, the first one its titles.
 * @param columns how many characters a line has; undefined: any number
 */
export function tableLines<Row>(
  rows: readonly Row[],
  all: readonly Column<Row>[],
  {
    columns,
    styleTitle,
  }: { readonly columns: number | undefined; readonly styleTitle: (text: string) => string },
): string[] {
  const shown = fitted(
    all.map(column => ({ column, width: widthOf(column, rows) })),
    columns,
  );
  const line = (cells: readonly string[]) => cells.join(' '.repeat(GAP)).trimEnd();
  const titles = shown.map(({ column, width }) => pad(column.title, width, column.align));
  return [
    styleTitle(line(titles)),
    ...rows.map(row =>
      line(
        shown.map(({ column, width }) => {
          const text = pad(column.cell(row), width, column.align);
          return column.style?.(row, text) ?? text;
        }),
      ),
    ),
  ];
}

interface Sized<Row> {
  readonly column: Column<Row>;
  readonly width: number;
}

function widthOf<Row>({ title, cell }: Column<Row>, rows: readonly Row[]): number {
  return rows.reduce((width, row) => Math.max(width, lengthOf(cell(row))), title.length);
}

function fitted<Row>(
  sized: readonly Sized<Row>[],
  columns = Number.POSITIVE_INFINITY,
): readonly Sized<Row>[] {
  const surplusOf = (some: readonly Sized<Row>[]) =>
    some.reduce((sum, { width }) => sum + width + GAP, -GAP) - columns;
  if (surplusOf(sized) <= 0) return sized;
  const needed = sized.filter(({ column }) => column.isOptional !== true);
  let surplus = surplusOf(needed);
  return needed.map(({ column, width }) => {
    const spare = Math.max(0, Math.min(surplus, width - (column.leastWidth ?? width)));
    surplus -= spare;
    return { column, width: width - spare };
  });
}

/** One character a code point: names of sessions are ASCII, or rare. */
function lengthOf(text: string): number {
  return [...text].length;
}

function pad(text: string, width: number, align: 'right' | undefined): string {
  const characters = [...text];
  const cut = characters.length > width ? `${characters.slice(0, width - 1).join('')}…` : text;
  const space = ' '.repeat(Math.max(0, width - lengthOf(cut)));
  return align === 'right' ? space + cut : cut + space;
}
