import type { SessionView } from '../../../fleet/view.ts';
import type { Study } from '../../../studies/study.ts';
import { html } from '../../html.ts';
import { minutesText } from '../../labels.ts';
import { sessionCard } from '../session-card.ts';
import { waitView } from '../wait-view.ts';
import { type StudyForm, studyPage, studyPath } from './study-page.ts';
import { leaveForm } from './waiting.ts';

export interface PlayingPage {
  readonly study: Study;
  readonly form: StudyForm;
  readonly view: SessionView;
  readonly nowMs: number;
  /** It has not started in the time that the study lets people wait. */
  readonly isOverdue: boolean;
}

/** The session of somebody who takes part: how far it is, where to connect, and how it goes. */
export function playingPage({ study, form, view, nowMs, isOverdue }: PlayingPage): string {
  const { settings } = study;
  const card = sessionCard({
    ...{ view: waitView(view), nowMs },
    events: `${studyPath(form, '/events')}?t=${form.ticket}`,
    stop: { action: studyPath(form, '/end'), fields: { t: form.ticket, form: form.token } },
    again: undefined,
  });
  return studyPage({
    base: form.base,
    title: study.name,
    refreshSeconds: 5,
    body: html`<div data-state="${stateOfPlaying(isOverdue)}">${card}
${isOverdue && leaveForm(study, form)}</div>
<p class="hint">${
      settings.minimumMinutes > 0
        ? `The study asks you to play for ${minutesText(settings.minimumMinutes)}. `
        : ''
    }When your session is over, this page shows your code: keep it open.</p>`,
  });
}

/** What the page shows, for the events that tell when something else is to be shown. */
export function stateOfPlaying(isOverdue: boolean): string {
  return isOverdue ? 'playing-late' : 'playing';
}
