import { randomInt } from 'node:crypto';

/** Without 0 and O, 1 and I, which people take for one another. */
const LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
const LENGTH = 8;

/** A new completion code, with 40 random bits: people copy it by hand. */
export function newCode(): string {
  return Array.from({ length: LENGTH }, () => LETTERS[randomInt(LETTERS.length)]).join('');
}
