/** One line of the table. */
export interface Verdict {
  readonly what: string;
  readonly limit: string;
  readonly measured: string;
  readonly isKept: boolean;
}

/** What may not be more than a limit. @param text the value for people */
export function below(
  what: string,
  measured: number,
  limit: number,
  text: (value: number) => string,
): Verdict {
  return { what, limit: `≤ ${text(limit)}`, measured: text(measured), isKept: measured <= limit };
}

/** The table, a line for each. */
export function tableOf(verdicts: readonly Verdict[]): string {
  const lines = [{ what: 'what', limit: 'limit', measured: 'measured', isKept: true }, ...verdicts].map(
    ({ what, limit, measured, isKept }, index) => [
      what,
      limit,
      index === 0 ? 'ok' : isKept ? 'yes' : 'NO',
      measured,
    ],
  );
  const widths = [0, 1, 2].map(column => Math.max(...lines.map(line => line[column]?.length ?? 0)));
  return lines
    .map(line =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
