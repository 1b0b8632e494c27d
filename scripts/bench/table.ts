import type { ContestantResult, RowResult, Spread } from './report.ts';

const HEAD = ['by', 'seconds', 'CPU, s', 'busy', 'peak, MiB', 'archive, MiB', 'codec alone, s'] as const;

/** A row as a table in Markdown, which a terminal shows as well, and what was promised of it. */
export function table({ row, scheme, contestants, targets }: RowResult): string {
  const isBare = contestants.some(({ codecSeconds }) => codecSeconds !== undefined);
  const cells = [HEAD, ...contestants.map(cellsOf)].map(each => (isBare ? each : each.slice(0, -1)));
  const [head = HEAD, ...rows] = cells;
  const widths = head.map((_, column) => Math.max(...cells.map(each => each[column]?.length ?? 0)));
  const line = (each: readonly string[]) =>
    `| ${each.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = `|${widths.map(width => '-'.repeat(width + 2)).join('|')}|`;
  return [
    `### ${row} over ${scheme}`,
    '',
    line(head),
    rule,
    ...rows.map(line),
    '',
    ...targets.map(({ text, isMet }) => `- ${isMet ? 'met' : 'MISSED'}: ${text}`),
    '',
  ].join('\n');
}

function cellsOf(result: ContestantResult): string[] {
  const { name, seconds, cpuSeconds, busy, peakMib, archiveMib, codecSeconds } = result;
  return [
    // A bar would end the cell.
    name.replaceAll('|', '\\|'),
    spreadText(seconds, 2),
    spreadText(cpuSeconds, 2),
    `${(busy.median * 100).toFixed(0)} %`,
    spreadText(peakMib, 0),
    archiveMib.toFixed(1),
    codecSeconds?.toFixed(2) ?? '',
  ];
}

/** The median, and the least and most. */
function spreadText({ min, median, max }: Spread, digits: number): string {
  const of = (value: number) => value.toFixed(digits);
  return `${of(median)} (${of(min)} to ${of(max)})`;
}
