import { parseMturkQuery } from '../../studies/mturk.ts';
import { parseProlificQuery } from '../../studies/prolific.ts';
import { checkLink } from '../../studies/signed-link.ts';
import type { Study } from '../../studies/study.ts';
import type { Ticket } from './ticket.ts';

/** What an address of a study, as platforms and mails have it, leads to. */
export type Entrance =
  | { readonly kind: 'ticket'; readonly ticket: Ticket }
  /** MTurk shows the page to somebody who has not accepted yet. */
  | { readonly kind: 'preview' }
  /** A sentence for whoever has opened it. */
  | { readonly kind: 'refused'; readonly status: number; readonly title: string; readonly text: string };

export interface EntryOptions {
  readonly secret: string;
  /** The origins that MTurk may take results at. */
  readonly submitOrigins: readonly string[];
}

/**
 * Reads who has come: Prolific's three parameters, those of MTurk's ExternalQuestion, or a signed link. All of it may be
 * forged, but for a signed link.
 */
export function readEntry(study: Study, query: unknown, { secret, submitOrigins }: EntryOptions): Entrance {
  if (typeof query !== 'object' || query === null) return unknownLink();
  if ('sig' in query) return signedEntry(study, query, secret);
  if ('assignmentId' in query) return mturkEntry(study, query, submitOrigins);
  if ('PROLIFIC_PID' in query || 'SESSION_ID' in query || 'STUDY_ID' in query)
    return prolificEntry(study, query);
  return unknownLink();
}

function signedEntry({ number, linkKey }: Study, query: object, secret: string): Entrance {
  const link = checkLink(secret, { study: number, key: linkKey }, query, Date.now() / 1_000);
  switch (link.kind) {
    case 'ok': {
      const { participant } = link;
      return {
        kind: 'ticket',
        ticket: { study: number, source: 'link', person: participant, submission: participant },
      };
    }
    case 'expired':
      return refused(
        410,
        'This link is too old',
        'It was valid for some time, which is over. Ask those who have sent it for a new one.',
      );
    case 'withdrawn':
      return refused(
        410,
        'This link was withdrawn',
        'Those who have sent it do not want it to be used any more. Ask them for a new one.',
      );
    case 'bad':
      return refused(
        403,
        'This link is not valid',
        'It may have been cut off when it was copied. Open it once more as it was sent to you, or ask for a new one.',
      );
    default:
      return link satisfies never;
  }
}

function mturkEntry({ number, settings }: Study, query: object, submitOrigins: readonly string[]): Entrance {
  if (!settings.platforms.includes('mturk')) return otherPlatform();
  const read = parseMturkQuery(query, submitOrigins);
  if (read.kind === 'preview') return read;
  if (read.kind === 'bad') return refused(400, 'This HIT cannot be opened', read.why);
  const { worker, assignment, submitUrl } = read;
  const ids = { person: worker, submission: assignment };
  return { kind: 'ticket', ticket: { study: number, source: 'mturk', ...ids, submitUrl } };
}

function prolificEntry({ number, settings }: Study, query: object): Entrance {
  if (!settings.platforms.includes('prolific')) return otherPlatform();
  const read = parseProlificQuery(query);
  if (read.kind === 'bad') return refused(400, 'This link is not complete', read.why);
  const { participant, study, submission } = read;
  if (settings.prolificStudy !== undefined && study !== settings.prolificStudy) return otherPlatform();
  const ids = { person: participant, submission };
  return { kind: 'ticket', ticket: { study: number, source: 'prolific', ...ids, prolificStudy: study } };
}

function unknownLink(): Entrance {
  return refused(
    400,
    'Open the link that you were given',
    'This address alone does not say who you are. Go back to where you found the study, and open it from there.',
  );
}

function otherPlatform(): Entrance {
  return refused(
    403,
    'You are not eligible for this study',
    'The link was made for another study. Go back to where you found it, and tell the researchers what you read here.',
  );
}

function refused(status: number, title: string, text: string): Entrance {
  return { kind: 'refused', status, title, text };
}
