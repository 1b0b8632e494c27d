import { type Html, html } from '../../html.ts';
import { layout } from '../layout.ts';

/** What every page of a study needs to send its forms. */
export interface StudyForm {
  readonly base: string;
  /** The study's number. */
  readonly number: number;
  readonly ticket: string;
  readonly token: string;
}

/** The path of a page of a study, without its ticket. */
export function studyPath({ base, number }: Pick<StudyForm, 'base' | 'number'>, action = ''): string {
  return `${base}/study/${number}${action}`;
}

/** What tells the server who has sent a form: no cookie does. */
export function formFields({ ticket, token }: StudyForm): Html {
  return html`<input type="hidden" name="t" value="${ticket}" /><input type="hidden" name="form" value="${token}" />`;
}

/** Where the page hears of what is new. @param state what it shows: the page is loaded anew when that has changed */
export function liveAttributes(form: StudyForm, state: string): Html {
  return html`data-study-events="${studyPath(form, '/events')}?t=${form.ticket}" data-state="${state}"`;
}

/** A page of a study: it may lie in a frame, and leads to no other page of ours. */
export function studyPage(page: {
  readonly base: string;
  readonly title: string;
  readonly body: Html;
  readonly refreshSeconds?: number | undefined;
}): string {
  return layout({ ...page, alone: true });
}

/**
 * A sentence that says why there is nothing else.
 * @param refreshSeconds undefined: it is the last word
 */
export function studyMessage(base: string, title: string, text: string, refreshSeconds?: number): string {
  return studyPage({
    ...{ base, refreshSeconds },
    title,
    body: html`<section class="card message" ${refreshSeconds !== undefined && html`data-again="${refreshSeconds}"`}><h1>${title}</h1><p>${text}</p></section>`,
  });
}
