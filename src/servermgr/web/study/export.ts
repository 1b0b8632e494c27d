import { stringify } from 'csv-stringify/sync';
import type { FastifyReply } from 'fastify';
import { type ExportRow, exportColumns } from '../../database/study-export.ts';
import type { ExportFormat } from '../send-export.ts';

/** Sends what a study has brought, a row a participation. */
export function sendParticipations(
  reply: FastifyReply,
  rows: readonly ExportRow[],
  { study, format }: { readonly study: number; readonly format: ExportFormat },
): FastifyReply {
  const nowMs = Date.now();
  const records = rows.map(row => exportColumns(row, nowMs));
  reply
    .header('cache-control', 'no-store')
    .header('content-disposition', `attachment; filename="study-${study}-participations.${format}"`);
  if (format === 'json') return reply.send({ participations: records });
  // A spreadsheet takes a cell that begins with "=" for a formula, and people choose what stands in some.
  const text = stringify(records, { header: true, escape_formulas: true });
  return reply.header('content-type', 'text/csv; charset=utf-8').send(text);
}
