import { renderMarkdown } from '../../../studies/markdown.ts';
import type { Study, StudyTexts } from '../../../studies/study.ts';
import { type Html, html } from '../../html.ts';
import { formFields, liveAttributes, type StudyForm, studyPage, studyPath } from './study-page.ts';

export interface InstructionsPage {
  readonly study: Study;
  readonly texts: StudyTexts;
  readonly form: StudyForm;
  readonly needs: Html;
}

/** What somebody will do who has agreed. A seat is kept for them while they read. */
export function instructionsPage({ study, texts, form, needs }: InstructionsPage): string {
  return studyPage({
    base: form.base,
    title: study.name,
    body: html`<h1 ${liveAttributes(form, 'reserved')}>What you will do</h1>
<section class="card prose" aria-label="Instructions">${renderMarkdown(texts.instructions)}</section>
${needs}
<form class="card start" method="post" action="${studyPath(form, '/begin')}">${formFields(form)}
<button class="go" type="submit">Start my server</button>
<p class="hint">A place is kept for you while this page is open.</p></form>`,
  });
}
