import { renderMarkdown } from '../../../studies/markdown.ts';
import type { Study, StudyTexts } from '../../../studies/study.ts';
import { type Html, html } from '../../html.ts';
import { minutesText } from '../../labels.ts';
import { formFields, type StudyForm, studyPage, studyPath } from './study-page.ts';

export interface ConsentPage {
  readonly base: string;
  readonly study: Study;
  readonly texts: StudyTexts;
  /** undefined: somebody looks who has not accepted yet, and can begin nothing. */
  readonly form: StudyForm | undefined;
  readonly needs: Html;
}

/** What the study is, and the choice whether to take part. Nothing has begun before that. */
export function consentPage({ base, study, texts, form, needs }: ConsentPage): string {
  return studyPage({
    base,
    title: study.name,
    body: html`<h1>${study.name}</h1>
<section class="card prose" aria-label="Consent">${renderMarkdown(texts.consent)}</section>
${needs}
${form === undefined ? preview(texts) : choice(texts, form)}`,
  });
}

function preview({ instructions }: StudyTexts): Html {
  return html`<section class="card prose" aria-labelledby="instructions"><h2 id="instructions">What you will do</h2>${renderMarkdown(instructions)}</section>
<p class="notice" role="status">This is a preview. Accept the HIT to take part.</p>`;
}

function choice({ version }: StudyTexts, form: StudyForm): Html {
  const fields = html`${formFields(form)}<input type="hidden" name="version" value="${version}" />`;
  const action = studyPath(form, '/consent');
  return html`<form class="card start" method="post" action="${action}">${fields}<input type="hidden" name="answer" value="yes" />
<button class="go" type="submit">I agree, and take part</button></form>
<form class="decline" method="post" action="${action}">${fields}<input type="hidden" name="answer" value="no" />
<button class="button" type="submit">I do not agree</button></form>`;
}

/** What somebody has to have, told before they begin. */
export function needsText(version: string | undefined, minutes: number): Html {
  const edition = version === undefined ? 'Minecraft (Java Edition)' : `Minecraft Java Edition ${version}`;
  return html`<p class="needs">You need <strong>${edition}</strong> on this computer, and about ${minutesText(minutes)}.</p>`;
}
