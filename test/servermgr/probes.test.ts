import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createProbes, type ProbeRequest } from '../../src/servermgr/fleet/probes.ts';
import { eventually } from '../support/eventually.ts';
import { serveStatus } from '../support/status-server.ts';

const SECOND = 1_000;
/** Of a thousand. */
const AT_ONCE = 128;

test('of a thousand servers those that somebody waits for are asked in time, however late the others are', async () => {
  const game = await serveStatus({ online: () => 1 });
  const closing = new AbortController();
  try {
    const address = { host: '127.0.0.1', port: game.port };
    const state = { phase: 'running', address, pingAddress: address, dashboard: undefined } as const;
    const request = (index: number): ProbeRequest => ({
      ...{ id: `${index}`, state: { ...state, sinceMs: 1 }, observation: undefined },
      ...{ everyMs: 10 * SECOND, isUrgent: false },
    });
    const requests = Array.from({ length: 1_000 }, (_, index) => request(index));
    const probes = createProbes(closing.signal);
    const asked: string[] = [];
    const ask = async (all: readonly ProbeRequest[]) => {
      const before = asked.length;
      probes.ask(all, id => void asked.push(id));
      await eventually(() => asked.length === before + AT_ONCE);
    };
    for (let call = 0; call < 4; call += 1) await ask(requests);
    expect(new Set(asked).size).toBe(4 * AT_ONCE);
    const [first, ...others] = requests;
    if (first === undefined) throw new Error('there is none');
    await setTimeout(20);
    await ask([...others, { ...first, everyMs: 10, isUrgent: true }]);
    expect(asked.slice(-AT_ONCE)).toContain(first.id);
  } finally {
    closing.abort();
    await game.close();
  }
});
