import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import * as v from 'valibot';
import { StoredIdentity } from '../../studies/identities.ts';
import { createSealer, type Opened } from '../../studies/sealed.ts';

/** Who has come by a link, and what their platform said: it goes from page to page, since no cookie can be relied on. */
const Ticket = v.object({
  ...StoredIdentity.entries,
  /** Prolific's id of the study. */
  prolificStudy: v.optional(v.string()),
  /** Where MTurk takes the result. */
  submitUrl: v.optional(v.string()),
});

export type Ticket = Readonly<v.InferOutput<typeof Ticket>>;

export interface Tickets {
  /** Opaque: it stands in addresses, which are logged, and ids must not be. */
  issue(ticket: Ticket, nowMs: number): string;
  read(text: string, nowMs: number): Opened<Ticket>;
  /** What a form has to send along besides its ticket: nobody makes that who has not seen the page. */
  formToken(ticket: string): string;
  isFormToken(ticket: string, given: string): boolean;
  /** The id of a refusal on a page: it leads to nobody. */
  refusalId(ticket: string): string;
}

/** No platform gives people longer than a day for one submission. */
const VALID_MS = 2 * 86_400_000;
const KEY_BYTES = 32;

export function createTickets(secret: string): Tickets {
  const sealer = createSealer(secret, 'tickets');
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'forms of studies', KEY_BYTES));
  const digest = (purpose: string, ticket: string) =>
    createHmac('sha256', key).update(`${purpose} ${ticket}`).digest();
  const formToken = (ticket: string) => digest('form', ticket).toString('base64url');
  return {
    issue: (ticket, nowMs) => sealer.seal(ticket, nowMs + VALID_MS),
    read: (text, nowMs) => sealer.open(text, Ticket, nowMs),
    formToken,
    isFormToken(ticket, given) {
      const expected = Buffer.from(formToken(ticket));
      const bytes = Buffer.from(given);
      return bytes.length === expected.length && timingSafeEqual(bytes, expected);
    },
    refusalId: ticket => `T-${digest('refusal', ticket).toString('hex').slice(0, 20).toUpperCase()}`,
  };
}
