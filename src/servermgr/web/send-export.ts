import { pipeline, Readable } from 'node:stream';
import { stringify } from 'csv-stringify';
import type { FastifyReply } from 'fastify';
import type { Log } from '../../runtime/log.ts';
import type { HistoryFilter } from '../database/history-table.ts';
import type { History } from '../operators/history.ts';
import { EXPORT_COLUMNS, type ExportRow, exportRow } from './export-rows.ts';

export const EXPORT_FORMATS = ['csv', 'json'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

const TYPES: Readonly<Record<ExportFormat, string>> = {
  csv: 'text/csv; charset=utf-8; header=present',
  json: 'application/json; charset=utf-8',
};

interface Export {
  readonly history: History;
  readonly filter: HistoryFilter;
  readonly format: ExportFormat;
  readonly log: Log;
}

/**
 * Sends all sessions that a filter lets through as a file, read and written bit by bit. What fails before the first of
 * them is an error as any other; afterwards the connection is cut, so that nobody takes a part for the whole.
 */
export async function sendExport(
  reply: FastifyReply,
  { history, filter, format, log }: Export,
): Promise<FastifyReply> {
  const rows = Readable.from(await begun(rowsOf(history, filter)));
  const written = format === 'csv' ? stringify(CSV) : undefined;
  const body = written ?? Readable.from(asJson(rows));
  if (written !== undefined) pipeline(rows, written, () => undefined);
  body.on('error', err => log.warn({ event: 'export_broken', err }, 'an export of sessions broke off'));
  const fileName = `sessions-${new Date().toISOString().slice(0, 10)}.${format}`;
  return reply
    .header('content-type', TYPES[format])
    .header('content-disposition', `attachment; filename="${fileName}"`)
    .header('cache-control', 'no-store')
    .send(body);
}

/** A text that begins like a formula is none in a spreadsheet: worlds and ends come from elsewhere. */
const CSV = { header: true, columns: [...EXPORT_COLUMNS], escape_formulas: true } as const;

async function* rowsOf(history: History, filter: HistoryFilter): AsyncGenerator<ExportRow> {
  for await (const entry of history.all(filter)) yield exportRow(entry);
}

async function* asJson(rows: AsyncIterable<ExportRow>): AsyncGenerator<string> {
  let start = '{"sessions":[\n';
  for await (const row of rows) {
    yield `${start}${JSON.stringify(row)}`;
    start = ',\n';
  }
  yield start.startsWith('{') ? `${start}]}\n` : '\n]}\n';
}

/** The same, once the first is there. */
async function begun<T>(source: AsyncGenerator<T>): Promise<AsyncGenerator<T>> {
  const first = await source.next();
  return (async function* all() {
    if (!first.done) yield first.value;
    yield* source;
  })();
}
