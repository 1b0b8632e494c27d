import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { WebhookEndpoint } from '../../../src/config/servermgr-config.ts';
import { WEBHOOK_EVENTS } from '../../../src/config/webhook-events.ts';
import type { Spending } from '../../../src/servermgr/database/admission.ts';
import { openDatabase } from '../../../src/servermgr/database/open.ts';
import { openWebhooks, type Webhooks } from '../../../src/servermgr/webhooks/webhooks.ts';
import { WEBHOOK_SECRET } from '../../webhook/support/receiver.ts';

/** What SERVERMGR_WEBHOOKS says of an endpoint of this machine. */
export function hookVariables(port: number, changes: Record<string, unknown> = {}): Record<string, string> {
  const endpoint = { url: `http://127.0.0.1:${port}/hook?key=hunter2`, secret: WEBHOOK_SECRET, ...changes };
  return { SERVERMGR_WEBHOOKS: JSON.stringify([endpoint]), SERVERMGR_WEBHOOK_INTERNAL: '127.0.0.1' };
}

/** Webhooks without sessions, over a database of this test's own. */
export async function createWebhookParts() {
  const folder = await mkdtemp(join(tmpdir(), 'webhooks-'));
  const database = await openDatabase({ kind: 'sqlite', file: join(folder, 'fleet.sqlite') }, 'tests');
  const lines: Record<string, unknown>[] = [];
  const log = pino({}, { write: line => void lines.push(JSON.parse(line)) });
  const opened: Webhooks[] = [];
  return {
    ...{ database, lines },
    /** One instance. @param ports of its endpoints */
    async open(ports: readonly number[], spending?: Spending, changes: Partial<WebhookEndpoint> = {}) {
      const webhooks = await openWebhooks({
        database,
        fleet: { isObserver: () => true, spending: async () => spending },
        settings: {
          endpoints: ports.map(port => ({
            ...{
              url: `http://127.0.0.1:${port}/`,
              secret: WEBHOOK_SECRET,
              events: WEBHOOK_EVENTS,
              ...changes,
            },
          })),
          internal: ['127.0.0.1'],
        },
        session: {
          env: {},
          destination: { kind: 'directory', path: folder },
          ...{ joinTimeoutMs: 900_000, emptyTimeoutMs: 10_000, maxDurationMs: 86_400_000 },
          ...{ agentPlayers: 1, pathStyle: false, costPerHour: undefined },
        },
        secret: 's'.repeat(32),
        log,
      });
      opened.push(webhooks);
      return webhooks;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map(webhooks => webhooks.close()));
      await database.close();
      await rm(folder, { recursive: true });
    },
  };
}
