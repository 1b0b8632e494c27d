import { queryParameter, readPlatformIds } from './platform-ids.ts';

/** What an ExternalQuestion was opened with. */
export type MturkQuery =
  /** Somebody looks before accepting: they see everything, and start nothing. */
  | { readonly kind: 'preview' }
  | {
      readonly kind: 'assignment';
      readonly worker: string;
      readonly assignment: string;
      readonly hit: string;
      /** Where the form at the end is sent to. */
      readonly submitUrl: string;
    }
  /** A sentence for whoever sees it. */
  | { readonly kind: 'bad'; readonly why: string };

const PREVIEW = 'ASSIGNMENT_ID_NOT_AVAILABLE';
const NAMES = ['workerId', 'assignmentId', 'hitId'] as const;

/**
 * Reads what MTurk appends to the address of an ExternalQuestion.
 * @param query as it came with the request
 * @param submitOrigins of MTurk itself, as `https://www.mturk.com`: results are sent nowhere else
 * @see https://docs.aws.amazon.com/AWSMechTurk/latest/AWSMturkAPI/ApiReference_ExternalQuestionArticle.html
 */
export function parseMturkQuery(query: unknown, submitOrigins: readonly string[]): MturkQuery {
  // A preview need not name a worker.
  if (queryParameter(query, 'assignmentId') === PREVIEW) return { kind: 'preview' };
  const read = readPlatformIds(query, NAMES, 'MTurk');
  if (read.kind === 'bad') return read;
  const { workerId, assignmentId, hitId } = read.ids;
  const submitTo = queryParameter(query, 'turkSubmitTo');
  const origin = submitOrigins.find(allowed => isOrigin(submitTo, allowed));
  if (origin === undefined) {
    const fault =
      submitTo === undefined
        ? 'does not say where on MTurk your work is handed in'
        : 'would hand in your work at an address that this study does not know as MTurk';
    return {
      kind: 'bad',
      why: `The link ${fault}. Please return the HIT, and tell the requester what you read here.`,
    };
  }
  const submitUrl = `${new URL(origin).origin}/mturk/externalSubmit`;
  return { kind: 'assignment', worker: workerId, assignment: assignmentId, hit: hitId, submitUrl };
}

/** Whether a text is that https origin and nothing more: no user, path or query, and no other port. */
function isOrigin(text: unknown, origin: string): boolean {
  if (typeof text !== 'string' || !URL.canParse(text)) return false;
  const { protocol, href } = new URL(text);
  return protocol === 'https:' && href === `${new URL(origin).origin}/`;
}
