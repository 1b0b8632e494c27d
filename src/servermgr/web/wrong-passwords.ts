import type { Log } from '../../runtime/log.ts';

/** Logs wrong passwords, so that guessing is seen, and does not fill the log. */
export interface WrongPasswords {
  note(network: string): void;
  /** Writes what has been counted and not written yet. */
  close(): void;
}

const WINDOW_MS = 60_000;
/** Networks that have lines of their own; IPv6 gives a guesser as many as they like. */
const MAX_NETWORKS = 100;
const OTHERS = 'others';

/**
 * The first wrong password of a network is written at once, and what follows as a count: one line a minute, and one for
 * all networks together that come after the first hundred.
 */
export function createWrongPasswords(log: Log): WrongPasswords {
  const networks = new Map<string, { unwritten: number; readonly timer: NodeJS.Timeout }>();

  function write(network: string, count: number): void {
    log.warn({ event: 'wrong_admin_password', network, count }, `wrong admin passwords: ${count}`);
  }

  function openWindow(network: string): void {
    const timer = setTimeout(() => closeWindow(network), WINDOW_MS);
    timer.unref();
    networks.set(network, { unwritten: 0, timer });
  }

  function closeWindow(network: string): void {
    const count = networks.get(network)?.unwritten ?? 0;
    networks.delete(network);
    if (count === 0) return;
    write(network, count);
    openWindow(network);
  }

  return {
    note(given) {
      const network = networks.has(given) || networks.size < MAX_NETWORKS ? given : OTHERS;
      const known = networks.get(network);
      if (known !== undefined) {
        known.unwritten += 1;
        return;
      }
      write(network, 1);
      openWindow(network);
    },
    close() {
      for (const [network, { unwritten, timer }] of networks) {
        clearTimeout(timer);
        if (unwritten > 0) write(network, unwritten);
      }
      networks.clear();
    },
  };
}
