import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHECKOUT_ROOTS, type Checkout, USUAL_CHECKOUT } from '../config/checkout.ts';

/** An agent that is given an option that it does not know ends at once. */
const NEWER_OPTIONS = ['--enable_timeline'];

/**
 * Finds the checkout of an image, and which of the newer options its agent knows.
 * @returns the usual one where there is none, as on a developer's machine
 */
export function findCheckout(roots: readonly string[] = CHECKOUT_ROOTS): Checkout {
  const root = roots.find(folder => existsSync(join(folder, 'agents')));
  if (root === undefined) return USUAL_CHECKOUT;
  const known = readIfThere(join(root, 'agents/argument_parser.py'));
  return { root, agentOptions: NEWER_OPTIONS.filter(option => known.includes(`"${option}"`)) };
}

/** The agent itself tells of a parser that cannot be read. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
