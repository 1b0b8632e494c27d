import type { FastifyReply } from 'fastify';
import type { Participation } from '../../studies/participation.ts';
import { isOverdueAt } from '../../studies/recruitment.ts';
import { opennessOf, type Study, type StudyTexts } from '../../studies/study.ts';
import { sendPage } from '../errors.ts';
import { momentText } from '../labels.ts';
import { consentPage, needsText } from '../pages/study/consent.ts';
import { instructionsPage } from '../pages/study/instructions.ts';
import { outcomePage } from '../pages/study/outcome.ts';
import { playingPage } from '../pages/study/playing.ts';
import { type StudyForm, studyMessage } from '../pages/study/study-page.ts';
import { waitingPage } from '../pages/study/waiting.ts';
import { waitView } from '../pages/wait-view.ts';
import type { RouteTools } from '../route-tools.ts';
import type { Ticket, Tickets } from './ticket.ts';

/** Somebody on a page of a study. */
export interface Visit {
  readonly study: Study;
  readonly ticket: Ticket;
  /** The ticket as it is written. */
  readonly text: string;
}

export interface StudyPages {
  /** The page of where somebody stands. */
  send(reply: FastifyReply, visit: Visit, query: { readonly declined?: unknown }): Promise<FastifyReply>;
  /** What somebody sees who has not accepted yet. */
  sendPreview(reply: FastifyReply, study: Study): Promise<FastifyReply>;
}

export function createStudyPages({ recruitment, fleet }: RouteTools, tickets: Tickets): StudyPages {
  async function textsOf(study: Study, version: number): Promise<StudyTexts> {
    const texts = await recruitment.studies.texts(study.number, version);
    if (texts === undefined) throw new Error(`study ${study.number} has no texts of version ${version}`);
    return texts;
  }

  const needsOf = ({ settings }: Study) =>
    needsText(fleet.usual(settings.world).version, settings.lengthMinutes);

  async function pageOf(visit: Visit, form: StudyForm): Promise<string> {
    const { study, ticket } = visit;
    const standing = await recruitment.standing(study, ticket);
    switch (standing.kind) {
      case 'new':
        return newPage(study, form);
      case 'done':
        return studyMessage(
          form.base,
          'You have already taken part',
          study.settings.sessionsPerParticipant === 1
            ? 'One may take part once in this study, and you have. Thank you.'
            : `One may take part ${study.settings.sessionsPerParticipant} times in this study, and you have. Thank you.`,
        );
      case 'over':
        return overPage(visit, form, standing.participation, standing.mayTryAgain);
      case 'active':
        return activePage(study, form, standing.participation);
      default:
        return standing satisfies never;
    }
  }

  async function newPage(study: Study, form: StudyForm): Promise<string> {
    const openness = opennessOf(study, Date.now());
    if (openness.kind === 'open') {
      const texts = await textsOf(study, study.textVersion);
      return consentPage({ base: form.base, study, texts, form, needs: needsOf(study) });
    }
    return openness.kind === 'closed'
      ? studyMessage(
          form.base,
          'This study is over',
          'Nobody can take part in it any more. Thank you for your interest.',
        )
      : studyMessage(
          form.base,
          'This study has not begun',
          `One can take part from ${momentText(openness.fromMs)} on. Open your link again then.`,
        );
  }

  async function activePage(study: Study, form: StudyForm, participation: Participation): Promise<string> {
    await recruitment.noteSeen(participation);
    const { id, queuedMs, textVersion } = participation;
    const nowMs = Date.now();
    const sinceMs = queuedMs ?? nowMs;
    const isOverdue = isOverdueAt(study, sinceMs, nowMs);
    if (participation.state === 'reserved') {
      const texts = await textsOf(study, textVersion);
      return instructionsPage({ study, texts, form, needs: needsOf(study) });
    }
    const view = await recruitment.sessionOf(participation);
    if (view === undefined)
      return waitingPage({ study, form, place: recruitment.place(id), sinceMs, nowMs, isOverdue });
    return playingPage({ study, form, view, nowMs, isOverdue: isOverdue && view.phase === 'starting' });
  }

  async function overPage(
    { ticket }: Visit,
    form: StudyForm,
    participation: Participation,
    mayTryAgain: boolean,
  ): Promise<string> {
    const { outcome, code, source, session, id } = participation;
    // What was saved of it is not worth a page that cannot be shown.
    const view =
      session === undefined ? undefined : await recruitment.sessionOf(participation).catch(() => undefined);
    const { submitUrl, submission } = ticket;
    return outcomePage({
      ...{ form, code, source, outcome: outcome ?? 'technical' },
      mturk: submitUrl === undefined ? undefined : { submitUrl, assignment: submission, participation: id },
      saved: view === undefined ? '' : waitView(view).archive,
      again: mayTryAgain ? participation : undefined,
    });
  }

  async function hasDeclined(ticket: string): Promise<boolean> {
    return (await recruitment.participations.find(tickets.refusalId(ticket))) !== undefined;
  }

  return {
    async send(reply, visit, { declined }) {
      const base = reply.server.basePath;
      const { study, ticket, text } = visit;
      const form: StudyForm = { base, number: study.number, ticket: text, token: tickets.formToken(text) };
      if (declined !== undefined && (await hasDeclined(text))) {
        const code = study.settings.codes['no-consent'] || undefined;
        const nothing = { mturk: undefined, saved: '', again: undefined };
        return sendPage(
          reply,
          outcomePage({ ...nothing, form, outcome: 'no-consent', code, source: ticket.source }),
        );
      }
      return sendPage(reply, await pageOf(visit, form));
    },

    async sendPreview(reply, study) {
      const texts = await textsOf(study, study.textVersion);
      const base = reply.server.basePath;
      return sendPage(reply, consentPage({ base, study, texts, form: undefined, needs: needsOf(study) }));
    },
  };
}
