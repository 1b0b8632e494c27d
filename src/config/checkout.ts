import type { Command } from './session-config.ts';

/** The project's checkout in the image: where the agent and the game server are when nothing else is said. */
export interface Checkout {
  readonly root: string;
  /** Options of the default agent command that this checkout's agent knows, and earlier ones do not. */
  readonly agentOptions: readonly string[];
}

/** The project was called droidlet before it was called fairo: its images have it in the one or in the other. */
export const CHECKOUT_ROOTS = ['/droidlet', '/fairo'] as const;

/** What the defaults of the variables say. */
export const USUAL_CHECKOUT: Checkout = { root: CHECKOUT_ROOTS[0], agentOptions: [] };

/** The default of the agent's command, in this checkout. */
export function agentIn({ root, agentOptions }: Checkout, [file, ...args]: Command): Command {
  return [file, ...args.map(word => pathIn(root, word)), ...agentOptions];
}

/** A default path, in the checkout at this root. */
export function pathIn(root: string, path: string): string {
  return path.startsWith(`${USUAL_CHECKOUT.root}/`) ? root + path.slice(USUAL_CHECKOUT.root.length) : path;
}
