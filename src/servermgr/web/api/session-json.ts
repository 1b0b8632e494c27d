import type { SessionView } from '../../fleet/view.ts';
import { nameOf, requestedAtMs } from '../../session-id.ts';
import { addressText, dashboardUrl } from '../labels.ts';

/** A session as the API tells it; `SESSION_SCHEMA` says what each field is. */
export interface SessionJson {
  readonly id: string;
  readonly name: string;
  readonly world: string;
  readonly where: string;
  readonly phase: SessionView['phase'];
  readonly progress: number;
  readonly page: string;
  readonly address: string | null;
  readonly dashboard: string | null;
  readonly version: string | null;
  readonly people: number;
  readonly agentInGame: boolean | null;
  readonly requestedAt: string;
  readonly readyAt: string | null;
  readonly costPerHour: number | null;
  readonly ended: EndJson | null;
}

interface EndJson {
  readonly at: string | null;
  readonly text: string;
  readonly cause: string | null;
  readonly exitCode: number | null;
  readonly incomplete: readonly string[];
  readonly archive: { readonly bytes: number; readonly path: string } | null;
}

/** @param id its id, which the view of a session that only its report remembers lacks */
export function sessionJson(view: SessionView, base: string, id: string = view.id): SessionJson {
  const { name, world, where, phase, progress, people } = view;
  return {
    ...{ id, name, world, where, phase, progress, people },
    page: `${base}/wait?q=${encodeURIComponent(id)}`,
    address: view.address === undefined ? null : addressText(view.address),
    dashboard: view.dashboard === undefined ? null : dashboardUrl(view.dashboard),
    version: view.version ?? null,
    agentInGame: view.agentInGame ?? null,
    requestedAt: new Date(view.requestedMs).toISOString(),
    readyAt: momentOf(view.readyMs),
    costPerHour: view.costPerHour ?? null,
    ended: endJson(view, base),
  };
}

/** The same of a session that was launched just now, and that the fleet may not show yet. */
export function newSessionJson(id: string, world: string, base: string): SessionJson {
  const nothingYet = { address: null, dashboard: null, version: null, agentInGame: null, readyAt: null };
  return {
    ...{ ...nothingYet, id, world, where: '', phase: 'starting', progress: 30, people: 0 },
    name: nameOf(id) ?? id,
    page: `${base}/wait?q=${encodeURIComponent(id)}`,
    requestedAt: new Date(requestedAtMs(id) ?? Date.now()).toISOString(),
    costPerHour: null,
    ended: null,
  };
}

function endJson({ name, ended }: SessionView, base: string): EndJson | null {
  if (ended === undefined) return null;
  const { report } = ended;
  const path = `${base}/admin/archive?session=${encodeURIComponent(name)}`;
  return {
    at: momentOf(ended.atMs),
    text: ended.text,
    cause: ended.cause ?? null,
    exitCode: report?.exitCode ?? null,
    incomplete: report?.incomplete ?? [],
    archive: report?.archive === undefined ? null : { bytes: report.archive.bytes, path },
  };
}

function momentOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
