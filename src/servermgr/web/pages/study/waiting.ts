import type { Study } from '../../../studies/study.ts';
import { type Html, html } from '../../html.ts';
import { durationText } from '../../labels.ts';
import { formFields, liveAttributes, type StudyForm, studyPage, studyPath } from './study-page.ts';

export interface WaitingPage {
  readonly study: Study;
  readonly form: StudyForm;
  /** From 1 on; undefined: the turn has come, or is about to. */
  readonly place: number | undefined;
  readonly sinceMs: number;
  readonly nowMs: number;
  readonly isOverdue: boolean;
}

/** Somebody waits until the fleet has a place for their session. */
export function waitingPage({ study, form, place, sinceMs, nowMs, isOverdue }: WaitingPage): string {
  return studyPage({
    base: form.base,
    title: 'You are in the queue',
    refreshSeconds: 5,
    body: html`<section class="card session" ${liveAttributes(form, stateOfWaiting(isOverdue))} data-now="${new Date(nowMs).toISOString()}">
<div role="status" aria-live="polite"><h1>${isOverdue ? 'It takes longer than it should' : 'A place is being found for you'}</h1>
<p class="lead" data-study="place">${placeText(place)}</p></div>
<dl class="facts waiting"><div><dt>You have waited</dt><dd><time data-since="${new Date(sinceMs).toISOString()}">${durationText(nowMs - sinceMs)}</time></dd></div></dl>
<p class="hint">Keep this page open: your turn passes when it is closed. It goes on by itself.</p>
${isOverdue && leaveForm(study, form)}
</section>`,
  });
}

/** What the page shows, for the events that tell when something else is to be shown. */
export function stateOfWaiting(isOverdue: boolean): string {
  return isOverdue ? 'waiting-long' : 'waiting';
}

export function placeText(place: number | undefined): string {
  if (place === undefined || place === 1) return 'You are the next one.';
  return `${place - 1} ${place === 2 ? 'person is' : 'people are'} before you.`;
}

/** The way out for somebody who has waited for as long as the study asks them to. */
export function leaveForm({ settings }: Study, form: StudyForm): Html {
  return html`<form class="leave" method="post" action="${studyPath(form, '/leave')}">${formFields(form)}
<p>You have waited for ${durationText(settings.waitMinutes * 60_000)}, which is all that is asked of you. You can go on waiting, or leave now with a code for the time that you have spent.</p>
<button class="button" type="submit">Leave with a code</button></form>`;
}
