import type { SessionView } from '../fleet/view.ts';
import { addressText } from './labels.ts';

/**
 * What `/status?q=…` has always answered: 30 alone, 50 with no address, from 75 on with the address. The clients of
 * old parse the text themselves, which fails on a body that is announced as JSON: it stays plain text.
 */
export function legacyStatus(
  id: string | undefined,
  view: SessionView | undefined,
): { readonly status: number; readonly text: string } {
  if (id === 'test') return answer(200, { progress: 100, ip: '123.123.123.123' });
  if (view === undefined) return answer(404, { error: 'there is no such session' });
  const { progress, address, ended } = view;
  // A bar that has reached 100 makes them show an address: not the one of a session that is over.
  if (ended !== undefined)
    return answer(200, { progress: Math.min(progress, 50), ip: null, ended: ended.text });
  if (address === undefined) return answer(200, progress === 30 ? { progress } : { progress: 50, ip: null });
  return answer(200, { progress, ip: addressText(address) });
}

function answer(status: number, body: object) {
  return { status, text: JSON.stringify(body) };
}
