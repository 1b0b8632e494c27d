import type { HistoryEntry } from '../operators/history.ts';

/** A session of an export. Neither its id nor a network is in it: the one is a secret, the others are people's. */
export interface ExportRow {
  readonly session: string;
  readonly world: string;
  readonly phase: string;
  readonly requestedAt: string;
  readonly readyAt: string | null;
  readonly endedAt: string | null;
  readonly end: string | null;
  readonly exitCode: number | null;
  readonly saved: string | null;
  readonly archiveKey: string | null;
  readonly archiveBytes: number | null;
  readonly peoplePeak: number | null;
  readonly costPerHour: number | null;
}

/** In the order of the columns. */
export const EXPORT_COLUMNS: readonly (keyof ExportRow)[] = [
  ...(['session', 'world', 'phase', 'requestedAt', 'readyAt', 'endedAt', 'end', 'exitCode'] as const),
  ...(['saved', 'archiveKey', 'archiveBytes', 'peoplePeak', 'costPerHour'] as const),
];

export function exportRow({ record, view }: HistoryEntry): ExportRow {
  const { report, overMs, observation } = record;
  const { ended } = view;
  return {
    session: view.name,
    world: view.world,
    phase: view.phase,
    requestedAt: new Date(record.requestedMs).toISOString(),
    readyAt: momentOf(view.readyMs),
    endedAt: momentOf(ended?.atMs ?? overMs),
    end: ended?.text ?? null,
    exitCode: report?.exitCode ?? null,
    saved: report?.saved ?? null,
    archiveKey: report?.archive?.key ?? null,
    archiveBytes: report?.archive?.bytes ?? null,
    peoplePeak: report?.peak ?? observation?.told?.peak ?? null,
    costPerHour: view.costPerHour ?? null,
  };
}

function momentOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
