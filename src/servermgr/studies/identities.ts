import { createHmac, hkdfSync, randomInt } from 'node:crypto';
import * as v from 'valibot';
import type { Identity } from './participation.ts';
import { createSealer } from './sealed.ts';
import { SOURCES } from './study.ts';

/** How a person and a try are found again, without their ids. */
export interface IdentityKeys {
  readonly personKey: string;
  readonly submissionKey: string;
}

/**
 * The platforms' ids as the database has them. The key is no part of it: whoever has the database alone can neither read
 * ids out of it nor try whether somebody took part.
 */
export interface Identities {
  keysOf(identity: Identity): IdentityKeys;
  seal(identity: Identity): string;
  /** undefined: it was sealed by another key. */
  unseal(sealed: string): Identity | undefined;
}

export const StoredIdentity = v.object({
  study: v.number(),
  source: v.picklist(SOURCES),
  person: v.string(),
  submission: v.string(),
});

/** It is removed when the participation is over, not by its age: this is the year 10889, the latest that a seal knows. */
const NEVER_MS = 2 ** 48 - 1;

export function createIdentities(secret: string): Identities {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'ids of participants', 32));
  const sealer = createSealer(secret, 'participants');
  const hash = (...parts: readonly (string | number)[]) =>
    createHmac('sha256', key).update(JSON.stringify(parts)).digest('base64url');
  return {
    keysOf: ({ study, source, person, submission }) => ({
      personKey: hash('person', study, source, person),
      submissionKey: hash('submission', study, source, submission),
    }),
    seal: identity => sealer.seal(identity, NEVER_MS),
    unseal(sealed) {
      const opened = sealer.open(sealed, StoredIdentity, Date.now());
      return opened.kind === 'ok' ? opened.value : undefined;
    },
  };
}

/** Without what can be taken for something else when it is read out. */
const LETTERS = 'ABCDEFGHJKMNPQRSTUVWXYZ23456789';
const LENGTH = 10;

/** A participant's, by chance: it is derived from nothing. */
export function newPseudonym(): string {
  return `P-${randomLetters()}`;
}

/** Of one try. */
export function newParticipationId(): string {
  return `T-${randomLetters()}`;
}

function randomLetters(): string {
  return Array.from({ length: LENGTH }, () => LETTERS.charAt(randomInt(LETTERS.length))).join('');
}
