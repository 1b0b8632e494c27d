import { type Html, html } from '../html.ts';

export interface ActionForm {
  readonly base: string;
  /** The session's. */
  readonly name: string;
  readonly csrf: string;
  readonly label: string;
  readonly danger?: boolean;
  readonly confirm?: string;
  /** The page that is shown then; missing: that of the fleet. */
  readonly back?: 'session';
}

/** A button that does something about one session. */
export function actionForm(
  what: 'stop' | 'recover',
  { base, name, csrf, label, danger, confirm, back }: ActionForm,
): Html {
  return html`<form method="post" action="${base}/admin/${what}" ${confirm && html`data-confirm="${confirm}"`}>
<input type="hidden" name="_csrf" value="${csrf}" /><input type="hidden" name="session" value="${name}" />
${back && html`<input type="hidden" name="back" value="${back}" />`}
<button class="button ${danger ? 'danger' : ''}" type="submit" aria-label="${label} ${name}">${label}</button></form>`;
}
