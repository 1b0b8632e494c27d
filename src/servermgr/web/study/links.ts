import { randomBytes } from 'node:crypto';
import { stringify } from 'csv-stringify/sync';
import { isParticipantCode, signLink } from '../../studies/signed-link.ts';
import type { Study } from '../../studies/study.ts';

const MAX_LINKS = 5_000;
const CODE_BYTES = 6;

/** The codes that a form asks links for. @throws {RangeError} a sentence for whoever has sent it */
export function codesIn(text: string): readonly string[] {
  const lines = text.split(/[\s,;]+/).filter(line => line !== '');
  const [first = ''] = lines;
  const isCount = lines.length === 1 && /^\d{1,6}$/.test(first);
  const codes = isCount ? Array.from({ length: Number(first) }, newCode) : [...new Set(lines)];
  if (codes.length === 0)
    throw new RangeError('Write a code for each participant, or how many links you want.');
  if (codes.length > MAX_LINKS) throw new RangeError(`No more than ${MAX_LINKS} links are made at once.`);
  const bad = codes.find(code => !isParticipantCode(code));
  if (bad !== undefined)
    throw new RangeError(
      'A code has 1 to 64 letters, digits, dots, "_" and "-", and one of these has something else.',
    );
  return codes;
}

function newCode(): string {
  return randomBytes(CODE_BYTES).toString('base64url');
}

/** A link for each code, as CSV. @param url of the study's page */
export function linksCsv(
  { number, linkKey }: Study,
  codes: readonly string[],
  { secret, url, expiresMs }: { readonly secret: string; readonly url: string; readonly expiresMs: number },
): string {
  const expiresS = Math.floor(expiresMs / 1_000);
  const rows = codes.map(participant => ({
    participant,
    link: `${url}?${signLink(secret, { study: number, key: linkKey, participant, expiresS })}`,
    expires: new Date(expiresS * 1_000).toISOString(),
  }));
  return stringify(rows, { header: true, escape_formulas: true });
}
