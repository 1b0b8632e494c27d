import { get } from 'node:http';
import type { Address } from '../../config/session-config.ts';
import { resetIfConnectedToItself } from '../../minecraft/ping.ts';
import { timeoutSignal } from '../../runtime/abort.ts';

/**
 * A session counts whoever is connected to its dashboard at two looks in a row, which are a second apart
 * (minecraft/player-monitor.ts). A probe, and its connection with it, is over before the second one, so that it is
 * nobody, however often it is repeated.
 */
const TIMEOUT_MS = 800;

/**
 * Whether something answers an HTTP request there, whatever the answer is, over a connection of its own that is closed
 * at once. No proxy is asked: a visitor's browser would not ask the manager's either.
 * @throws the signal's reason when aborted
 */
export async function answersHttp({ host, port }: Address, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted();
  const request = get({ host, port, agent: false, signal: timeoutSignal(TIMEOUT_MS, signal) });
  request.once('socket', socket => socket.once('connect', () => resetIfConnectedToItself(socket)));
  const answered = await new Promise<boolean>(resolve => {
    request.once('response', () => resolve(true));
    // The connection may break once more while it is closed.
    request.on('error', () => resolve(false));
  });
  request.destroy();
  signal.throwIfAborted();
  return answered;
}
