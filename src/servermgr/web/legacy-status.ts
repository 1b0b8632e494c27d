import type { SessionView } from '../fleet/view.ts';
import { addressText } from './labels.ts';

/**
 * The answer of `/status?q=…` for older clients: 30 alone, 50 without an address, from 75 on with the address. They
 * parse the text themselves, which fails when the body is declared as JSON: it stays plain text.
 */
export function legacyStatus(
  id: string | undefined,
  view: SessionView | undefined,
): { readonly status: number; readonly text: string } {
  if (id === 'test') return answer(200, { progress: 100, ip: '123.123.123.123' });
  if (view === undefined) return answer(404, { error: 'there is no such session' });
  const { progress, address, ended, phase } = view;
  // At 75 and more they show an address: not that of a session that has ended, or is about to.
  if (ended !== undefined)
    return answer(200, { progress: Math.min(progress, 50), ip: null, ended: ended.text });
  if (phase === 'ending') return answer(200, { progress: Math.min(progress, 50), ip: null });
  if (address === undefined) return answer(200, progress === 30 ? { progress } : { progress: 50, ip: null });
  // Of a dashboard that is waited for they know nothing.
  return answer(200, { progress: progress === 95 ? 90 : progress, ip: addressText(address) });
}

function answer(status: number, body: object) {
  return { status, text: JSON.stringify(body) };
}
