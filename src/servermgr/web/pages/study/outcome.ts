import type { Participation } from '../../../studies/participation.ts';
import { completionUrl } from '../../../studies/prolific.ts';
import type { Outcome, Source } from '../../../studies/study.ts';
import { type Html, html } from '../../html.ts';
import { formFields, liveAttributes, type StudyForm, studyPage, studyPath } from './study-page.ts';

export interface OutcomePage {
  readonly form: StudyForm;
  readonly outcome: Outcome;
  readonly code: string | undefined;
  readonly source: Source;
  /** What MTurk takes a result with; undefined: somebody has come by another way. */
  readonly mturk:
    | { readonly submitUrl: string; readonly assignment: string; readonly participation: string }
    | undefined;
  /** What was saved of their session; empty: it is not known yet, or there was none. */
  readonly saved: string;
  /** Their seat may be free by now. */
  readonly again: Pick<Participation, 'textVersion'> | undefined;
}

const TEXTS: Readonly<Record<Outcome, { readonly title: string; readonly text: string }>> = {
  finished: { title: 'Thank you for taking part', text: 'You have finished the study.' },
  incomplete: {
    title: 'Your session is over',
    text: 'It ended before the time that the study asks for.',
  },
  'no-consent': {
    title: 'You do not take part',
    text: 'You have not agreed, and nothing was recorded of you.',
  },
  'waited-too-long': {
    title: 'Sorry that it took so long',
    text: 'No server was free for you in time. You have done all that was asked of you.',
  },
  technical: {
    title: 'Sorry, something broke',
    text: 'Your session did not go as it should, and that is not your fault.',
  },
  surplus: {
    title: 'All places are taken',
    text: 'More people came than the study has places for. A place may come free.',
  },
  returned: {
    title: 'Your place was given back',
    text: 'The platform says that you do not take part any more. Your session has been ended.',
  },
  expired: { title: 'Your place was given to somebody else', text: 'This page was closed for too long.' },
};

/** How it went for somebody, with the code that says so at the platform. */
export function outcomePage(page: OutcomePage): string {
  const { title, text } = TEXTS[page.outcome];
  return studyPage({
    base: page.form.base,
    title,
    body: html`<section class="card message" ${liveAttributes(page.form, `over ${page.outcome}`)}><h1>${title}</h1>
<p>${text}</p>
<p class="summary" data-study="saved">${page.saved}</p>
${wayOut(page)}
${page.again && againForm(page.form, page.again)}
</section>`,
  });
}

function wayOut({ outcome, code, source, mturk }: OutcomePage): Html | undefined {
  // What is not done is not submitted.
  if (source === 'mturk' && outcome === 'no-consent')
    return html`<p>Please return the HIT: there is a button for that above this page.</p>`;
  if (code === undefined)
    return outcome === 'returned'
      ? undefined
      : html`<p>There is no code for that. You can close this page.</p>`;
  if (mturk !== undefined) return mturkForm(mturk, outcome, code);
  return html`${codeText(code)}
${
  source === 'prolific'
    ? html`<p><a class="go" href="${completionUrl(code)}">Back to Prolific</a></p><p class="hint">If that does not work, enter the code at Prolific yourself.</p>`
    : html`<p class="hint">Give this code to those who have invited you.</p>`
}`;
}

function codeText(code: string): Html {
  return html`<div class="connect"><label for="code">Your code</label>
<div class="address"><output id="code">${code}</output><button class="button copy" type="button" data-copy="code">Copy</button></div></div>`;
}

/** The form that MTurk wants from the browser itself: https://docs.aws.amazon.com/AWSMechTurk/latest/AWSMturkAPI/ApiReference_ExternalQuestionArticle.html */
function mturkForm(
  { submitUrl, assignment, participation }: NonNullable<OutcomePage['mturk']>,
  outcome: Outcome,
  code: string,
): Html {
  const fields = { assignmentId: assignment, code, outcome, participation };
  return html`<form class="start" method="post" action="${submitUrl}">
${Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
<button class="go" type="submit">Submit the HIT</button></form>`;
}

function againForm(form: StudyForm, { textVersion }: Pick<Participation, 'textVersion'>): Html {
  return html`<form class="again" method="post" action="${studyPath(form, '/consent')}">${formFields(form)}
<input type="hidden" name="version" value="${textVersion}" /><input type="hidden" name="answer" value="yes" />
<p>If you have not used the code, you can try once more.</p>
<button class="button" type="submit">Try again</button></form>`;
}
